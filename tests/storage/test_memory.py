"""What never changes is decoded once, and only what is there for everybody is remembered."""

from autointerp.storage import pools

from .conftest import World


def test_a_session_that_writes_takes_what_one_that_reads_has_decoded(world: World) -> None:
    with world.database.read() as session:
        decoded = pools.load(session, world.harvest)

    with world.database.write() as session:
        assert pools.load(session, world.harvest) is decoded


def test_what_a_session_that_writes_decoded_is_not_remembered(world: World) -> None:
    with world.database.write() as session:
        decoded = pools.load(session, world.harvest)

    with world.database.read() as session:
        assert pools.load(session, world.harvest) is not decoded
