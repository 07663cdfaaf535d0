"""Keys as people paste them."""

import pytest
from pydantic import SecretStr, ValidationError

from autointerp.errors import InvalidSpec
from autointerp.llm.base import Endpoint
from autointerp.llm.transport import Address


def address(key: str) -> Address:
    return Address.of(Endpoint(name="main", provider="openai", api_key=SecretStr(key)), "https://vendor.example/v1")


@pytest.mark.parametrize("key", ["sk-1", "sk-1\n", "  sk-1\r\n"])
def test_white_space_around_a_key_is_not_part_of_it(key: str) -> None:
    assert address(key).key == "sk-1"


@pytest.mark.parametrize("key", ["sk-\n1", "sk-\x00", "sk-é"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_told(key: str) -> None:
    with pytest.raises(InvalidSpec, match="the key of endpoint 'main' holds characters") as refused:
        address(key)
    assert key not in str(refused.value)


@pytest.mark.parametrize("who", ["user:secret", "secret", "user:se%40cret"])
def test_a_user_in_an_address_is_refused_in_a_sentence_that_says_where_keys_belong(who: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Endpoint(name="mine", provider="openai", base_url=f"https://{who}@vendor.example/v1")

    assert "put the server's key into AUTOINTERP_ENDPOINTS__MINE__API_KEY" in str(refused.value)
    assert who not in str(refused.value)


def test_a_sign_elsewhere_in_an_address_names_nobody() -> None:
    url = "https://vendor.example/v1/@accounts"

    assert Endpoint(name="mine", provider="openai", base_url=url).address == url
