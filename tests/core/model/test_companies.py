"""Names of companies."""

from trunkline.model.companies import may_be_given


def test_a_reference_is_no_path_no_integer_and_no_word_that_means_something_else():
    taken = (".", "..", "7", "-1", "null", "True", "FALSE", "live", "Test", "operator", "a b", "", "x" * 129)
    assert not [reference for reference in taken if may_be_given(reference)]
    given = ("acme", "...", "1.5", "-", "a-1", "1a", "testing", "x" * 128)
    assert [reference for reference in given if may_be_given(reference)] == list(given)
