"""The tokens of a text, and the text of tokens."""

from autointerp.domain.inquiries import TokensFound, TokensWanted
from autointerp.pipeline.inquiries.counter import Counter


async def find_tokens(counter: Counter, wanted: TokensWanted) -> TokensFound:
    """Return the ids with their pieces of text."""
    assert wanted.model_id is not None  # it was found when the inquiry was stored
    texts = await counter.texts(wanted.model_id)
    ids = await counter.ids(texts, wanted.text, wanted.tokens)
    return TokensFound(tokens=ids, pieces=texts.vocabulary.render(ids))
