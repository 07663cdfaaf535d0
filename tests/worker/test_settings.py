"""What a deployment sets comes from the environment, then a file, then the defaults."""

from pathlib import Path

import pytest

from autointerp import wiring
from autointerp.errors import InvalidInput
from autointerp.settings import load


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_the_database_stands_in_the_data_folder_unless_it_is_named() -> None:
    assert load(data_dir="data").database_url == "sqlite:///data/autointerp.db"
    assert load(database_url="postgresql://host/name").database_url == "postgresql://host/name"


def test_a_built_in_endpoint_takes_the_key_of_its_vendor_and_what_is_set_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    monkeypatch.setenv("AUTOINTERP_ENDPOINTS__OPENAI__BASE_URL", "http://localhost:1/v1")

    found = {endpoint.name: endpoint for endpoint in wiring.endpoints(load())}

    assert set(found) == {"openai", "anthropic", "fake"}
    assert found["openai"].api_key is not None
    assert found["openai"].api_key.get_secret_value() == "a key"
    assert (found["openai"].provider, found["openai"].base_url) == ("openai", "http://localhost:1/v1")
    assert "a key" not in repr(load())


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("autointerp.toml").write_text('port = 9000\n[worker]\nlease = 7\n[endpoints.local]\nprovider = "openai"\n')
    monkeypatch.setenv("AUTOINTERP_PORT", "9001")

    loaded = load()

    assert (loaded.port, loaded.worker.lease, loaded.endpoints["local"].provider) == (9001, 7, "openai")


@pytest.mark.parametrize(("content", "named"), [("prot = 1", "prot"), ("[worker]\nlease = 0", "worker.lease")])
def test_a_wrong_setting_is_named(content: str, named: str) -> None:
    Path("autointerp.toml").write_text(content)

    with pytest.raises(InvalidInput, match=f"the setting {named} is wrong"):
        load()


def test_a_wrong_option_of_an_endpoint_is_named() -> None:
    loaded = load(endpoints={"local": {"provider": "openai", "policy": {"attempts": 0}}})

    with pytest.raises(InvalidInput, match=r"endpoints\.local\.policy\.attempts is wrong"):
        wiring.endpoints(loaded)


def test_a_password_in_an_address_is_refused_without_being_told() -> None:
    loaded = load(endpoints={"local": {"provider": "openai", "base_url": "http://u:p4ss@127.0.0.1:9/v1"}})

    with pytest.raises(InvalidInput, match=r"endpoints\.local\.base_url is wrong: it holds a user") as refused:
        wiring.endpoints(loaded)

    assert "p4ss" not in refused.value.detail
