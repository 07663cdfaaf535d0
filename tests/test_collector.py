"""The garbage collector does not look at what was loaded before the work began."""

import gc

from autointerp.collector import old_memory_left_alone


def test_what_is_there_already_is_left_alone_and_what_comes_is_not() -> None:
    old: list[object] = []
    old.append(old)

    with old_memory_left_alone():
        new: list[object] = []
        new.append(new)
        looked_at = {id(thing) for thing in gc.get_objects()}

    assert (id(old) in looked_at, id(new) in looked_at) == (False, True)
    assert gc.get_freeze_count() == 0
