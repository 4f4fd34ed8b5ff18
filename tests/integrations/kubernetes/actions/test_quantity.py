from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.kubernetes.actions.quantity import check_amount, parse_quantity

SUFFIXES = {
    "": Fraction(1), "m": Fraction(1, 1000), "u": Fraction(1, 10**6), "n": Fraction(1, 10**9), "k": Fraction(1000),
    "M": Fraction(10**6), "G": Fraction(10**9), "T": Fraction(10**12), "Ki": Fraction(2**10), "Mi": Fraction(2**20),
    "Gi": Fraction(2**30), "Ti": Fraction(2**40), "e3": Fraction(1000), "E-2": Fraction(1, 100),
}  # fmt: skip


@given(st.integers(0, 10**12), st.integers(0, 999), st.sampled_from(sorted(SUFFIXES)))
def test_a_quantity_is_its_number_times_its_suffix(whole: int, part: int, suffix: str) -> None:
    expected = (Fraction(whole) + Fraction(part, 1000)) * SUFFIXES[suffix]
    assert parse_quantity(f"{whole}.{part:03}{suffix}") == expected


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        amount = parse_quantity(text)
    except ValueError:
        return
    assert amount >= 0
    assert text.isascii()
    assert text.strip() == text


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1gb", "1e", "0x10", "1_000", "٣", "1Gi\n", "--1", "1e999"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        parse_quantity(text)


@given(st.integers(1, 10**6))
def test_thousandths_are_cpu_and_no_memory(thousandths: int) -> None:
    assert check_amount("cpu", f"{thousandths}m") == Fraction(thousandths, 1000)
    if thousandths % 1000:
        with pytest.raises(ValueError, match="byte"):
            check_amount("memory", f"{thousandths}m")
