"""Which digits are a payment card's number, told without the rules that are under test."""

from __future__ import annotations

from hypothesis import strategies as st

BRANDS = [
    (4, {13, 16, 19}),  # Visa
    *((prefix, {16}) for prefix in (*range(51, 56), *range(2221, 2721))),  # Mastercard
    *((prefix, {15}) for prefix in (34, 37)),  # American Express
    *((prefix, {16}) for prefix in (6011, 65, *range(644, 650))),  # Discover
    *((prefix, {14}) for prefix in (*range(300, 306), 36, 38)),  # Diners
    *((prefix, {16}) for prefix in range(3528, 3590)),  # JCB
    (62, {16, 17, 18, 19}),  # UnionPay
    *((prefix, {16}) for prefix in (50, *range(56, 60), 63, 67)),  # Maestro
]
"""What the number begins with, and how many digits it may have."""


def is_card(digits: str) -> bool:
    """Brand, length and check digit are those of a card."""
    if not digits.isdecimal():
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    brand = any(digits.startswith(str(p)) and len(digits) in lengths for p, lengths in BRANDS)
    return brand and sum(figure // 10 + figure % 10 for figure in doubled) % 10 == 0


@st.composite
def cards(draw: st.DrawFn) -> str:
    """The number of a card that may exist."""
    prefix, lengths = draw(st.sampled_from(BRANDS))
    length = draw(st.sampled_from(sorted(lengths)))
    body = str(prefix) + draw(st.text("0123456789", min_size=length, max_size=length))
    begins = body[: length - 1]
    return next(begins + check for check in "0123456789" if is_card(begins + check))
