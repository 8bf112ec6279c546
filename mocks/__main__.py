"""
Runs the providers' stand-ins: `python -m mocks`.
"""

import argparse
import os
from pathlib import Path

import uvicorn

from mocks.app import create_app
from mocks.imagekit_webhooks import WEBHOOK_SECRET
from mocks.imagga import PHOTOS
from mocks.scenarios import GOOD_KEY, SECRET, Scenario

WELCOME = """\
The mocked providers, and where they are:

  Imagga         {url}/v2
  Cloudinary     {url}
  ImageKit       {url}
  specs          {url}/specs
  CarQuery       {url}/api/0.3/
  vPIC           {url}/api/vehicles
  EPA            {url}/feg/epadata/vehicles.csv
  valuation      {url}/valuation
  MarketCheck    {url}/v2
  scenarios      {url}/scenarios    (the mocks' own switch)

Settings for a carvalue that uses them:

  CARVALUE_CATEGORIZERS=imagga
  CARVALUE_IMAGGA__BASE_URL={url}/v2
  CARVALUE_IMAGGA__API_KEY={key}
  CARVALUE_IMAGGA__API_SECRET={secret}
  CARVALUE_IMAGGA__CATEGORIZER_ID=custom-car-categorizer
  CARVALUE_SPECS_SOURCES=specs_api
  CARVALUE_SPECS_API__BASE_URL={url}
  CARVALUE_SPECS_API__API_KEY={key}
  CARVALUE_SPECS_API__SOURCE=mock:specs_api
  CARVALUE_VALUERS_DEFAULT=valuation_api
  CARVALUE_VALUATION_API__BASE_URL={url}
  CARVALUE_VALUATION_API__API_KEY={key}
  CARVALUE_VALUATION_API__SOURCE=mock:valuation_api

Others in their place:

  CARVALUE_CATEGORIZERS=cloudinary
  CARVALUE_CLOUDINARY__BASE_URL={url}
  CARVALUE_CLOUDINARY__CLOUD_NAME=demo
  CARVALUE_CLOUDINARY__API_KEY={key}
  CARVALUE_CLOUDINARY__API_SECRET={secret}

  CARVALUE_CATEGORIZERS=imagekit
  CARVALUE_IMAGEKIT__UPLOAD_URL={url}
  CARVALUE_IMAGEKIT__BASE_URL={url}
  CARVALUE_IMAGEKIT__PRIVATE_KEY={key}
  CARVALUE_IMAGEKIT__WEBHOOK_SECRET={webhook_secret}

  CARVALUE_SPECS_SOURCES=carquery,vpic
  CARVALUE_CARQUERY__BASE_URL={url}/api/0.3/
  CARVALUE_VPIC__BASE_URL={url}/api/vehicles

  CARVALUE_VALUERS_US=marketcheck
  CARVALUE_MARKETCHECK__BASE_URL={url}/v2
  CARVALUE_MARKETCHECK__API_KEY={key}

Keys for a bad day, in place of "{key}":

  {bad_keys}

Or for everybody, while all runs:

  curl -X PUT {url}/scenarios/imagga -d '{{"scenario": "down"}}'
  curl -X DELETE {url}/scenarios/imagga
"""


def main() -> None:
    """Read the options, say what is where, serve."""
    parser = argparse.ArgumentParser(prog="python -m mocks", description="The mocked providers.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument(
        "--photos",
        type=Path,
        default=Path(os.environ.get("MOCKS_PHOTOS", PHOTOS)),
        help="the folder that the mocked Imagga learns from (also: MOCKS_PHOTOS)",
    )
    parser.add_argument(
        "--monthly-quota", type=int, help="calls that MarketCheck grants each key in a month"
    )
    parser.add_argument(
        "--delay", type=float, default=60.0, help="seconds that the slow scenario takes"
    )
    options = parser.parse_args()

    print(welcome(f"http://{options.host}:{options.port}"), flush=True)
    uvicorn.run(
        create_app(photos=options.photos, delay=options.delay, monthly_quota=options.monthly_quota),
        host=options.host,
        port=options.port,
    )


def welcome(url: str) -> str:
    """Say where everything is and how to use it."""
    bad_keys = [f"{GOOD_KEY}-{scenario}" for scenario in Scenario if scenario is not Scenario.ok]
    return WELCOME.format(
        url=url,
        key=GOOD_KEY,
        secret=SECRET,
        webhook_secret=WEBHOOK_SECRET,
        bad_keys="  ".join(bad_keys),
    )


if __name__ == "__main__":
    main()
