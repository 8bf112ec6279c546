"""
Ray-traced sample photos of cars, so that nobody's real photos are in the repository.

    apt-get install povray povray-includes
    python -m scripts.render

`cars` says how each car is shaped and what its faces look like, `solid` turns
the measurements into a smooth body, `parts` dresses it, `scene` puts it into
a place with a light and a camera.
"""
