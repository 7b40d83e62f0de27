"""What a node is and has: node classes, models, features, statistics, the socket; and the rest."""

from aiohttp import web

from farm_app.demo import features
from farm_app.demo.catalogue import describe
from farm_app.demo.classes import CLASSES
from farm_app.demo.guard import NODE
from farm_app.demo.inventory import FOLDERS
from farm_app.demo.monitor import used_gb
from farm_app.demo.routes.paths import both


async def object_info(request: web.Request) -> web.Response:
    """Describe all node classes, or one; an unknown one gives an empty object."""
    node = request.app[NODE]
    name = request.match_info.get("class_name")
    chosen = CLASSES if name is None else {name: CLASSES[name]} if name in CLASSES else {}
    return web.json_response(
        {
            class_name: describe(node_class, node.names_of, node.spec.modern)
            for class_name, node_class in chosen.items()
        }
    )


async def model_folders(request: web.Request) -> web.Response:
    """List the model folders."""
    return web.json_response(list(FOLDERS))


async def models(request: web.Request) -> web.Response:
    """List one model folder; 404 if there is none of that name."""
    folder = request.match_info["folder"]
    if folder not in FOLDERS:
        return web.Response(status=404)
    return web.json_response(request.app[NODE].inventory.names(folder))


async def embeddings(request: web.Request) -> web.Response:
    """List embeddings, without extensions."""
    names = request.app[NODE].inventory.names("embeddings")
    return web.json_response([name.rsplit(".", 1)[0] for name in names])


async def get_features(request: web.Request) -> web.Response:
    """Say what the server can do."""
    return web.json_response(features.of(request.app[NODE].spec))


async def system_stats(request: web.Request) -> web.Response:
    """Describe the machine."""
    node = request.app[NODE]
    used = used_gb(node.spec, node.engine)
    return web.json_response(features.system_stats(node.spec, used))


async def node_replacements(request: web.Request) -> web.Response:
    """Say which removed classes are swapped for others: none here, and no route before 0.33."""
    if not request.app[NODE].spec.modern:
        return web.Response(status=404)
    return web.json_response({})


async def websocket(request: web.Request) -> web.StreamResponse:
    """Hold a socket."""
    node = request.app[NODE]
    return await node.sockets.serve(request, node.exec_info)


async def nothing(request: web.Request) -> web.Response:
    """Answer what does not exist; a POST gets 405, because every path has a GET."""
    return web.Response(status=404)


routes = [
    *both("GET", "/object_info", object_info),
    *both("GET", "/object_info/{class_name}", object_info),
    *both("GET", "/models", model_folders),
    *both("GET", "/models/{folder}", models),
    *both("GET", "/embeddings", embeddings),
    *both("GET", "/features", get_features),
    *both("GET", "/system_stats", system_stats),
    *both("GET", "/node_replacements", node_replacements),
    *both("GET", "/ws", websocket),
    web.get("/{anything:.*}", nothing),
]
