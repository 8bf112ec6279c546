"""
The service, and a route that takes two photos and throws them away.

`python -m benchmarks.receiver PORT`, with the settings in the environment: all of the service's
middleware and its server's settings are in it. It stops when its input ends.
"""

import sys

import uvicorn
from fastapi import APIRouter, Depends

from benchmarks.bare import received
from benchmarks.peers.ending import end_with_input
from carvalue.app import served
from carvalue.serving import run_server, server_options
from carvalue.web.access import APPRAISING
from carvalue.web.uploads import each_once

if __name__ == "__main__":
    end_with_input()
    app = served()
    more = APIRouter(dependencies=[*APPRAISING, Depends(each_once)])
    more.post("/v1/received")(received)
    app.include_router(more)
    run_server(uvicorn.Config(app, port=int(sys.argv[1]), **server_options("127.0.0.1")))
