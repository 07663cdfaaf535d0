"""The standard library as documents."""

from autointerp.demo import stdlib


def test_a_document_is_in_one_split_only() -> None:
    train = {name for name, _ in stdlib.documents("train")}
    validation = {name for name, _ in stdlib.documents("validation")}

    assert train.isdisjoint(validation)
    assert 0.02 < len(validation) / len(train | validation) < 0.1


def test_the_documents_come_in_the_order_of_their_paths() -> None:
    names = [name for name, _ in stdlib.documents("validation")]

    assert names == sorted(names)


def test_every_document_has_text() -> None:
    assert all(text.strip() for _, text in stdlib.documents("validation"))


def test_the_split_of_a_file_never_changes() -> None:
    assert stdlib.split_of("traceback.py") == "validation"
    assert stdlib.split_of("argparse.py") == "train"
