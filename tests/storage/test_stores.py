import asyncio
from dataclasses import fields, replace
from datetime import UTC, date, timedelta, timezone

import pytest

from carvalue.core.answers import Answer, Awaited, Flag
from carvalue.core.appraisal import (
    Appraisal,
    AppraisalStatus,
    CarSource,
    ConfirmedCar,
    Entered,
)
from carvalue.core.candidates import merge_sides
from carvalue.core.cars import Car, FuelEconomy, MakeModel, Specs, VinCar
from carvalue.core.catalog import Catalog
from carvalue.core.errors import (
    AppraisalNotFound,
    ChangedMeanwhile,
    PhotoNotFound,
    ValuationNotFound,
)
from carvalue.core.labels import Label
from carvalue.core.photos import Photo, Side
from carvalue.core.ports import AppraisalStore
from carvalue.core.request_keys import RequestKey, RequestKeyTaken
from carvalue.core.steps import SUCCESS, Step, StepCode
from carvalue.core.valuation import (
    Adjustments,
    Basis,
    Certainty,
    Condition,
    KindOfPrice,
    MileageUnit,
    Price,
    PriceFlag,
    PriceKind,
    Usage,
    Valuation,
)
from tests.fakes import (
    LE,
    PRICE,
    Clock,
    S,
    a_photo,
    an_appraisal,
)

pytestmark = pytest.mark.anyio

COROLLA = MakeModel("toyota", "Toyota", "toyota-corolla", "Corolla")
USAGE = Usage(90_000, MileageUnit.km, Condition.very_good)
PHOTOS = [a_photo(side) for side in Side]


def a_valuation(id: str, clock: Clock) -> Valuation:
    return Valuation(id, "45963", USAGE, "US", PRICE, "fake", clock())


def with_everything(catalog: Catalog, clock: Clock) -> Appraisal:
    """An appraisal that leaves no field at its default."""
    labels = Label("toyota corolla", 0.1 + 0.2, "тойота королла"), Label("trabant 601", 1e-9)
    flags = (Flag.bad_confidence, Flag.scale_guessed)
    at = clock()
    answers = {
        Side.front: (Answer(labels, "cars", flags, "imagga", fetched_at=at, cached=True),),
        Side.back: (
            Answer((Label("Škoda \x00 \N{SNOWMAN} corolla 2005", 0.95),), "cars"),
            Answer((Label("Toyota Corolla 2005", 0.5),), "vans"),
        ),
    }
    return an_appraisal(
        owner="key_1/dev_1",
        id="apr_everything",
        created_at=at,
        updated_at=at + timedelta(seconds=3, microseconds=1),
        client_reference="ref \N{PILE OF POO}",
        language="bg",
        entered=Entered(year=2010, usage=USAGE, auto_confirm=True),
        vin_car=VinCar(COROLLA, (1980, 2010), "LE"),
        vin_conflict=True,
        same_photo=True,
        categorization={
            Side.front: SUCCESS,
            Side.back: Step.failed(StepCode.categorizer_timeout),
        },
        answers=answers,
        awaited={Side.back: (Awaited("cloudinary", "carvalue/1 \N{SNOWMAN}", "tags"),)},
        identification=merge_sides(answers, catalog),
        color="dark red",
        poor_too=True,
        valuation_id="val_next",
        trims=(LE, S),
        car=ConfirmedCar(Car(COROLLA, 2010), CarSource.vin, LE, trim_assumed=True),
        specs_step=SUCCESS,
        specs=Specs(
            "45963",
            "fake",
            body="Sedan",
            engine_displacement_cc=1798,
            fuel_capacity_l=50.1,
            fuel_economy=FuelEconomy(city_l_per_100km=9.1, mixed_mpg_us=29.5),
            source_updated_on=date(2024, 2, 29),
            corrected=("weight_kg",),
            field_sources={"body": "epa"},
            fetched_at=at,
            cached=True,
        ),
        valuation_step=Step.failed(StepCode.provider_busy),
        valuation=replace(
            a_valuation("val_everything", clock),
            price=Price(
                "EUR",
                min=1,
                median=2,
                max=3,
                mean=4,
                typical_low=1,
                typical_high=3,
                typical_percent=80,
                wide_low=1,
                wide_high=4,
                comparables=9,
                basis=Basis.neighbouring_years,
                as_of=date(2026, 11, 20),
                certainty=Certainty.medium,
                adjustments=Adjustments(base=3, mileage=-2, condition=1),
                flags=(PriceFlag.thin_data, PriceFlag.old_data),
                kind=PriceKind.retail,
                other_kinds=(KindOfPrice(PriceKind.trade_in, min=1, median=1, max=2, mean=1),),
                predicted=5,
                source="someone",
                fetched_at=at,
                cached=True,
            ),
        ),
    )


# Keeping


async def test_everything_comes_back(store: AppraisalStore, catalog: Catalog, clock: Clock) -> None:
    """
    What was kept is what is given back: every field, to the last digit.
    """
    kept = with_everything(catalog, clock)
    nothing_given = Appraisal("", kept.created_at, kept.created_at, kept.expires_at, (), "", "")
    assert all(
        getattr(kept, one.name) != getattr(nothing_given, one.name)
        for one in fields(Appraisal)
        if one.name not in ("version", "lease", "created_at", "expires_at")
    )

    added = await store.add(kept, PHOTOS)

    assert added == replace(kept, version=1)
    assert await store.get(kept.id) == added
    assert list(await store.page(limit=1, owner=kept.owner)) == [added]


async def test_nothing_but_photos_comes_back(store: AppraisalStore) -> None:
    """
    An appraisal that has just been started is kept as it is.
    """
    added = await store.add(an_appraisal(), PHOTOS)

    assert await store.get("apr_1") == added
    assert [await store.photo("apr_1", side) for side in Side] == PHOTOS


async def test_times_keep_their_instant(store: AppraisalStore, clock: Clock) -> None:
    """
    A time of another zone is the same instant when it is read.
    """
    zone = timezone(timedelta(hours=5, minutes=30))
    kept = an_appraisal(created_at=clock().astimezone(zone))

    added = await store.add(kept, PHOTOS)

    assert (await store.get("apr_1")).created_at == kept.created_at.astimezone(UTC)
    assert (await store.page(limit=1))[0] == added


async def test_the_version_grows(store: AppraisalStore) -> None:
    """
    Each saved change has a version of its own.
    """
    first = await store.add(an_appraisal(), PHOTOS)
    second = await store.save(replace(first, client_reference="a"))
    third = await store.save(replace(second, client_reference="b"))

    assert [first.version, second.version, third.version] == [1, 2, 3]
    assert await store.get("apr_1") == third


async def test_the_second_of_two_writers_loses(store: AppraisalStore) -> None:
    """
    Two taps on "confirm" lead to one confirmed car; nothing is overwritten unseen.
    """
    seen_by_both = await store.add(an_appraisal(), PHOTOS)
    won = await store.save(replace(seen_by_both, client_reference="first"))

    with pytest.raises(ChangedMeanwhile):
        await store.save(
            replace(seen_by_both, client_reference="second"), a_photo(Side.front, "blue")
        )

    assert await store.get("apr_1") == won
    assert await store.photo("apr_1", Side.front) == a_photo(Side.front)


async def test_of_many_writers_one_wins(store: AppraisalStore, clock: Clock) -> None:
    """
    However many save at once, one change is kept, with its valuation and no other.
    """
    seen = await store.add(an_appraisal(), PHOTOS)
    changes = [replace(seen, valuation=a_valuation(f"val_{one}", clock)) for one in range(16)]

    results = await asyncio.gather(*map(store.save, changes), return_exceptions=True)

    (won,) = [result for result in results if isinstance(result, Appraisal)]
    lost = [result for result in results if not isinstance(result, Appraisal)]
    assert [type(error) for error in lost] == [ChangedMeanwhile] * 15
    assert await store.get("apr_1") == won
    assert list(await store.valuations("apr_1", limit=20)) == [won.valuation]


async def test_a_photo_taken_again(store: AppraisalStore) -> None:
    """
    It replaces the one of its side only.
    """
    seen = await store.add(an_appraisal(), PHOTOS)
    better = Photo(Side.back, b"a better one", 640, 480)

    await store.save(seen, better)

    assert await store.photo("apr_1", Side.back) == better
    assert await store.photo("apr_1", Side.front) == a_photo(Side.front)


async def test_a_change_that_was_asked_for_before(store: AppraisalStore, clock: Clock) -> None:
    """
    The same request came to somebody else a moment before: nothing of it is done again.
    """
    key = RequestKey("caller", "create_valuation", "key", "fingerprint")
    seen = await store.add(an_appraisal(), PHOTOS)
    first = replace(seen, valuation=a_valuation("val_1", clock), valuation_id="val_1")
    known = await store.save(first, key=key)

    with pytest.raises(RequestKeyTaken):
        await store.save(replace(known, valuation=a_valuation("val_2", clock)), key=key)

    assert await store.get("apr_1") == known
    assert [one.id for one in await store.valuations("apr_1", limit=5)] == ["val_1"]


# Deleting and expiring


async def test_deleting(store: AppraisalStore, clock: Clock) -> None:
    """
    Photos and prices go with the appraisal; others stay.
    """
    seen = await store.add(an_appraisal(), PHOTOS)
    await store.save(replace(seen, valuation=a_valuation("val_1", clock)))
    await store.add(an_appraisal("apr_2"), PHOTOS)

    await store.delete("apr_1")

    await assert_not_there(store, seen)
    assert [one.id for one in await store.page(limit=5)] == ["apr_2"]
    assert await store.photo("apr_2", Side.front) == a_photo(Side.front)


async def test_deleted_photos_do_not_come_back(store: AppraisalStore, clock: Clock) -> None:
    """
    Nothing of a deleted appraisal shows up in another one, even of the same id.
    """
    seen = await store.add(an_appraisal(), PHOTOS)
    await store.save(replace(seen, valuation=a_valuation("val_1", clock)))
    await store.delete("apr_1")

    await store.add(an_appraisal(), [])

    with pytest.raises(PhotoNotFound):
        await store.photo("apr_1", Side.front)
    assert list(await store.valuations("apr_1", limit=5)) == []


async def assert_not_there(store: AppraisalStore, appraisal: Appraisal) -> None:
    for refused in (
        store.get(appraisal.id),
        store.delete(appraisal.id),
        store.photo(appraisal.id, Side.front),
        store.valuations(appraisal.id, limit=5),
        store.valuation(appraisal.id, "val_1"),
    ):
        with pytest.raises(AppraisalNotFound):
            await refused
    assert appraisal.id not in {one.id for one in await store.page(limit=99)}


async def test_what_has_expired_is_not_there(store: AppraisalStore, clock: Clock) -> None:
    """
    Photos are kept for as long as was said, and not a moment longer.
    """
    old = await store.add(an_appraisal("apr_old", created_at=clock.now), PHOTOS)
    clock.advance(days=29)
    await store.add(an_appraisal("apr_young", created_at=clock.now), PHOTOS)
    assert await store.get("apr_old") == old

    clock.advance(days=1)

    await assert_not_there(store, old)
    assert [one.id for one in await store.page(limit=5)] == ["apr_young"]


async def test_what_is_not_there(store: AppraisalStore, clock: Clock) -> None:
    """
    Each missing thing is named: the appraisal, its photo, its valuation.
    """
    seen = await store.add(an_appraisal(), PHOTOS[:1])
    await store.save(replace(seen, valuation=a_valuation("val_1", clock)))
    await store.add(an_appraisal("apr_2"), PHOTOS)

    await assert_not_there(store, an_appraisal("apr_0"))
    with pytest.raises(AppraisalNotFound):
        await store.save(an_appraisal("apr_0"))
    with pytest.raises(PhotoNotFound):
        await store.photo("apr_1", Side.back)
    with pytest.raises(ValuationNotFound):
        await store.valuation("apr_1", "val_2")
    with pytest.raises(ValuationNotFound):
        await store.valuation("apr_2", "val_1")  # another one's


async def test_saving_what_was_deleted(store: AppraisalStore) -> None:
    """
    A slow provider's answer does not bring a deleted appraisal back.
    """
    seen = await store.add(an_appraisal(), PHOTOS)
    await store.delete("apr_1")

    with pytest.raises(AppraisalNotFound):
        await store.save(seen)
    with pytest.raises(AppraisalNotFound):
        await store.get("apr_1")


async def test_a_status_is_kept_with_each_change(store: AppraisalStore) -> None:
    """
    The list of one status has exactly those that are in it now.
    """
    seen = await store.add(an_appraisal(), PHOTOS)
    await store.add(an_appraisal("apr_2"), PHOTOS)
    car = ConfirmedCar(Car(COROLLA, 2010), CarSource.catalog)
    confirmed = await store.save(replace(seen, car=car))

    assert list(await store.page(limit=5, status=AppraisalStatus.confirmed)) == [confirmed]
    waiting = await store.page(limit=5, status=AppraisalStatus.categorizing)
    assert [one.id for one in waiting] == ["apr_2"]
    assert list(await store.page(limit=5, status=AppraisalStatus.valued)) == []


async def test_a_store_that_works(store: AppraisalStore) -> None:
    """
    The check of a sound store finds nothing, empty or not.
    """
    await store.check()
    await store.add(an_appraisal(), PHOTOS)
    await store.check()


async def test_what_has_expired_is_not_changed(store: AppraisalStore, clock: Clock) -> None:
    """
    An appraisal that has expired is not there, for writers as for readers.
    """
    kept = await store.add(an_appraisal(created_at=clock()), PHOTOS)
    clock.advance(days=31)

    with pytest.raises(AppraisalNotFound):
        await store.save(kept)
