"""What words do to a picture, as data: subjects, times, weathers, colours and what they replace."""

import re

PHRASES: dict[str, str] = {
    "black and white": "monochrome", "black & white": "monochrome", "b&w": "monochrome", "film noir": "noir",
    "golden hour": "golden", "magic hour": "golden", "first light": "dawn", "last light": "dusk",
    "blue hour": "bluehour", "still life": "stilllife", "low angle": "lowangle", "high angle": "highangle",
    "high horizon": "highangle", "low horizon": "lowangle", "bird's eye": "highangle", "birds eye": "highangle",
    "close up": "closeup", "close-up": "closeup", "lens flare": "flare", "hong kong": "neon city",
    "new york": "manhattan city", "los angeles": "city", "blade runner": "neon city", "northern lights": "aurora",
    "outer space": "space", "science fiction": "scifi", "sci-fi": "scifi", "space ship": "spaceship",
    "space station": "spaceship", "gas station": "motel", "low key": "lowkey", "low-key": "lowkey",
    "high key": "highkey", "high-key": "highkey", "hot air balloon": "balloon", "under water": "underwater",
    "milky way": "stars", "full moon": "moon", "bird's-eye": "highangle", "no people": "nobody",
    "no one": "nobody", "rowing boat": "boat rowing", "sailing ship": "ship sail", "oil lamp": "lamp",
}  # fmt: skip

# Longer lists of ordinary words, told apart by how surely they name the scene.
_SUBJECTS: dict[str, dict[float, str]] = {
    "lighthouse": {6: "lighthouse", 3: "beacon headland keeper", 1: "cliff rock coast"},
    "sea": {3: "sea ocean beach surf wave tide sailboat yacht surfer seaside", 2.2: "ship shore coast sail island gull pirate", 0.8: "water sand swell"},
    "lake": {4: "lake pond fjord loch canoe jetty", 2.6: "boat rowing river fisherman reed swan kayak pier", 0.8: "water calm reflection"},
    "street": {3.2: "street alley neon noodle crosswalk cyberpunk pavement taxi sidewalk", 2.4: "shop market umbrella awning downtown tokyo detective puddle pub", 1.2: "city town rain wet bar"},
    "skyline": {4.5: "skyline skyscraper rooftop cityscape manhattan", 2.6: "city metropolis harbour harbor bridge", 1: "tower town building urban"},
    "window": {3: "room bedroom interior kitchen attic apartment parlour study nursery", 2.7: "window curtain blind armchair chair sofa desk office studio loft", 0.8: "lamp door wall dust plaster home"},
    "corridor": {4: "corridor hallway tunnel hospital subway metro bunker elevator", 2.6: "spaceship station hotel laboratory lab prison school asylum", 1: "door hall train"},
    "hall": {4: "cathedral church temple nave monastery mosque basilica", 2.8: "column palace museum library arch ruin hall ballroom throne abbey", 1: "pillar stone prayer"},
    "forest": {4: "forest wood woodland jungle grove redwood", 2: "trunk pine birch deer fern bamboo elf swamp", 1: "trees path leaf moss"},
    "desert": {4: "desert dune sahara", 2.2: "sand camel caravan nomad pyramid oasis", 1: "heat dust"},
    "road": {3.6: "road highway motorway asphalt roadtrip", 2.4: "car truck motorcycle drive driving hitchhiker route pickup bus", 0.8: "horizon travel journey"},
    "snow": {4: "snow cabin blizzard snowy snowfield", 2.4: "winter frozen ice arctic ski sled tundra christmas frost", 0.8: "cold pine"},
    "mountains": {3.6: "mountain ridge alps summit himalaya mountaineer", 2.4: "valley peak hiker climber canyon volcano landscape vista castle wanderer", 1: "hill cliff horizon trail"},
    "planet": {4: "planet space galaxy saturn astronaut mars nebula cosmos", 2.6: "alien orbit rocket scifi cosmic universe spaceman jupiter", 1.2: "moon star spaceship"},
    "portrait": {4: "portrait face profile closeup headshot", 1.3: "woman man eye actor actress bokeh detective singer poet", 1.1: "girl boy hair gaze beautiful"},
    "stage": {4: "concert stage audience festival theatre theater", 2.8: "crowd band singer dancer ballet club dance opera performer rave disco", 0.8: "spotlight music"},
    "table": {4: "stilllife", 2.6: "table coffee cup wine bottle fruit candle teapot bread breakfast bowl vase", 1.4: "book flower glass tea food apple whisky"},
    "tree": {2.8: "tree oak orchard willow baobab", 1.6: "field meadow blossom lone", 0.6: "grass hill"},
    "house": {3: "house farmhouse barn cottage motel farm diner mansion", 1.6: "home village porch cabin prairie", 0.6: "lamp fence"},
    "balloon": {4: "balloon kite", 2: "child kid toddler", 1.1: "girl boy hill meadow"},
    "animals": {3: "horse dog wolf fox rider cowboy stallion puppy", 1.6: "animal cow sheep cat pony", 0.6: "hill"},
    "underwater": {5: "underwater whale diver coral reef shark jellyfish mermaid submarine", 2.4: "fish shoal dolphin diving turtle", 0.8: "deep"},
}  # fmt: skip

SUBJECTS: dict[str, dict[str, float]] = {
    scene: {word: weight for weight, words in groups.items() for word in words.split()}
    for scene, groups in _SUBJECTS.items()
}

# A word stands for the words after it as well: "gull" also means "birds".
_MEANS: dict[str, str] = {
    "person": "people figure human somebody someone man woman keeper walker wanderer traveller traveler stranger "
    "pedestrian she he her his boy girl child kid couple lover detective fisherman astronaut diver nobody hiker "
    "monk soldier samurai knight figures dancer singer performer rider cowboy rower person silhouette",
    "walking": "walk walks wander wanders stroll strolling runs running march hiking",
    "birds": "bird gull seagull crow raven flock pigeon heron eagle swallow geese",
    "boat": "rowing canoe rowboat kayak gondola dinghy fisherman",
    "ship": "sail sailboat yacht vessel schooner trawler galleon pirate sailing ships",
    "rain": "rainy raining downpour drizzle drenched wet monsoon",
    "storm": "stormy thunder thunderstorm lightning tempest gale hurricane rough",
    "snowfall": "snowing blizzard snowstorm snowflake flurry",
    "fog": "foggy",
    "mist": "misty haze hazy smoke smoky steam vapour fog foggy",
    "overcast": "cloudy gloomy bleak grim dramatic",
    "clouds": "cloud clouds cloudy",
    "stars": "starry star starlit astronomy galaxy",
    "umbrella": "parasol umbrellas",
    "crowd": "crowds audience throng mob",
    "car": "cars truck taxi driving drive pickup vehicle automobile traffic",
    "house": "houses cottage farmhouse hut",
    "cabin": "cabin lodge chalet hut",
    "rings": "ring ringed saturn",
    "neon": "signs sign cyberpunk",
    "anamorphic": "flare cinemascope scope panavision",
    "bare": "dead leafless winter autumn withered",
    "beach": "beach shore sand seaside",
    "child": "kid boy girl toddler",
    "aurora": "aurora borealis",
    "moon": "moonlight moonlit",
}  # fmt: skip

MEANS: dict[str, frozenset[str]] = {}
for _word, _others in _MEANS.items():
    for _other in _others.split():
        MEANS[_other] = MEANS.get(_other, frozenset()) | {_word}

# Words of time and mood, and the palette tags they ask for, surest first.
TAGS: dict[str, str] = {
    "dawn": "dawn", "sunrise": "dawn", "morning": "dawn", "daybreak": "dawn", "dusk": "dusk", "sunset": "dusk",
    "twilight": "dusk", "evening": "dusk", "bluehour": "night", "golden": "golden", "night": "night",
    "midnight": "night", "nocturnal": "night", "moonlight": "night", "moonlit": "night", "nightfall": "night",
    "starry": "night", "dark": "night", "day": "day", "noon": "day", "midday": "day", "daylight": "day",
    "sunny": "day", "afternoon": "day", "summer": "day", "bright": "day", "highkey": "day", "storm": "storm",
    "stormy": "storm", "thunder": "storm", "overcast": "storm", "gloomy": "storm", "bleak": "storm",
    "winter": "winter", "cold": "cold", "warm": "warm", "cosy": "warm", "cozy": "warm", "candle": "tungsten",
    "candlelight": "tungsten", "tungsten": "tungsten", "lamplight": "tungsten", "practical": "tungsten",
    "neon": "neon", "cyberpunk": "neon", "fluorescent": "fluorescence", "foggy": "fog", "fog": "fog",
    "vintage": "sepia", "sepia": "sepia", "noir": "mono", "monochrome": "mono", "silver": "silver",
    "cinematic": "cinematic", "fire": "fire", "mars": "red", "autumn": "orange",
}  # fmt: skip

COLOURS: dict[str, str] = {
    "red": "red", "crimson": "crimson", "scarlet": "red", "blue": "blue", "azure": "blue", "navy": "blue",
    "green": "green", "emerald": "emerald", "teal": "teal", "turquoise": "turquoise", "cyan": "cyan",
    "orange": "orange", "amber": "amber", "yellow": "yellow", "gold": "golden", "purple": "purple",
    "violet": "violet", "lavender": "lavender", "magenta": "magenta", "pink": "pink", "rose": "pink",
    "brown": "brown", "white": "white", "grey": "grey", "gray": "gray", "black": "black",
}  # fmt: skip

# A colour before one of these belongs to the thing, not to the light.
THINGS = frozenset(
    "rock rocks coat dress balloon balloons umbrella hat car truck door boat hair scarf shoe shoes shirt jacket "
    "cloak horse dog cat wolf house roof flag sail bird tie suit lipstick rose bottle cup book sofa chair "
    "carpet bicycle bike train lamp sign umbrella eyes eye skin beard robe kimono skirt cat cow barn".split()
)

SCENE_PALETTES: dict[str, str] = {
    "lighthouse": "rose teal-orange amber ice violet blue-night teal-night golden storm green",
    "sea": "rose teal-orange amber ice golden noon lagoon storm blue-night teal-night violet",
    "lake": "rose ice teal-orange golden amber violet blue-night teal-night storm green",
    "street": "neon-night sodium-night blue-night teal-night violet teal-orange",
    "skyline": "blue-night teal-orange neon-night violet sodium-night rose teal-night amber",
    "window": "tungsten amber golden teal-orange rose blue-night teal-night ice green storm",
    "corridor": "teal-night tungsten blue-night green storm ice crimson amber neon-night teal-orange",
    "hall": "tungsten golden ice blue-night amber teal-orange storm rose",
    "forest": "golden amber ice green teal-orange storm blue-night teal-night rose",
    "desert": "amber golden rose teal-orange noon crimson violet blue-night",
    "road": "teal-orange amber rose golden violet storm blue-night ice teal-night",
    "snow": "overcast ice blue-night rose golden storm teal-night violet",
    "mountains": "rose ice teal-orange golden amber violet noon blue-night storm",
    "planet": "violet blue-night teal-night rose neon-night teal-orange crimson amber",
    "portrait": "teal-orange tungsten neon-night blue-night teal-night sodium-night violet rose",
    "stage": "neon-night blue-night violet teal-night crimson sodium-night",
    "table": "tungsten teal-orange rose amber teal-night golden sodium-night",
    "tree": "rose amber teal-orange golden violet ice blue-night storm noon",
    "house": "teal-orange violet blue-night rose amber storm teal-night golden",
    "balloon": "noon rose teal-orange golden ice amber violet storm",
    "animals": "golden amber rose teal-orange ice violet storm blue-night",
    "underwater": "lagoon teal-night blue-night noon",
}

_TOKEN = re.compile(r"[^\W_]+", re.UNICODE)


def tokens(text: str) -> list[str]:
    """The words of a text in order, phrases joined, lower case, plurals also as singulars."""
    lowered = f" {text.lower()} "
    for phrase, word in PHRASES.items():
        lowered = lowered.replace(phrase, f" {word} ")
    found: list[str] = []
    for word in _TOKEN.findall(lowered):
        found.append(word)
        if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
            found.append(word[:-1])
    return found


def meanings(words: list[str]) -> frozenset[str]:
    """The words and everything they stand for."""
    return frozenset(words).union(*(MEANS.get(word, frozenset()) for word in words))
