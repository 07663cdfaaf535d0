"""Saying which side a claim is about: what a feature fires on, or what it makes the model write."""

from autointerp.explainers._claims import one_line

FIRES, PROMOTES = "Fires on", "Promotes"


def promotes(claim: str) -> str:
    """A claim about what a feature does; "" stays "", and one that says so already stays as it is."""
    return _said(PROMOTES, claim, joint=" ")


def both(fires: str, does: str, length: int) -> str:
    """Both claims in one text of at most `length` characters, half for each; "" where one of them is empty."""
    half = length // 2 - 1
    sides = [_within(half, name, claim) for name, claim in ((FIRES, fires), (PROMOTES, does))]
    return f"{sides[0]}. {sides[1]}." if all(sides) else ""


def _within(length: int, name: str, claim: str) -> str:
    """The claim, cut where it is too long, under its name, which never is."""
    said = _said(name, claim, joint=": ")
    start = f"{name}: "
    return (start + one_line(said.removeprefix(start), length - len(start))).rstrip(" .") if said else ""


def _said(name: str, claim: str, *, joint: str) -> str:
    """The claim under its name, once."""
    rest = " ".join(claim.split())
    for prefix in (f"{name}:", name):
        if rest.casefold().startswith(f"{prefix.casefold()} "):
            rest = rest[len(prefix) :].strip()
            break
    return f"{name}{joint}{rest}" if rest else ""
