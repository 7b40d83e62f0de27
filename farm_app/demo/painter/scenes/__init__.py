"""The scenes, by the name that the words table knows them under."""

from collections.abc import Callable

from farm_app.demo.painter.scenes.coast import lighthouse
from farm_app.demo.painter.scenes.deep import underwater
from farm_app.demo.painter.scenes.faces import portrait
from farm_app.demo.painter.scenes.hills import desert, mountains
from farm_app.demo.painter.scenes.meadows import animals, balloon, house, tree
from farm_app.demo.painter.scenes.passages import corridor, hall
from farm_app.demo.painter.scenes.road import road
from farm_app.demo.painter.scenes.skylines import skyline
from farm_app.demo.painter.scenes.snows import snow
from farm_app.demo.painter.scenes.space import planet
from farm_app.demo.painter.scenes.stages import stage
from farm_app.demo.painter.scenes.streets import street
from farm_app.demo.painter.scenes.tables import table
from farm_app.demo.painter.scenes.waters import lake, sea
from farm_app.demo.painter.scenes.windows import window
from farm_app.demo.painter.scenes.woods import forest
from farm_app.demo.painter.take import Take

SCENES: dict[str, Callable[[Take], None]] = {
    "animals": animals,
    "balloon": balloon,
    "corridor": corridor,
    "desert": desert,
    "forest": forest,
    "hall": hall,
    "house": house,
    "lake": lake,
    "lighthouse": lighthouse,
    "mountains": mountains,
    "planet": planet,
    "portrait": portrait,
    "road": road,
    "sea": sea,
    "skyline": skyline,
    "snow": snow,
    "stage": stage,
    "street": street,
    "table": table,
    "tree": tree,
    "underwater": underwater,
    "window": window,
}
