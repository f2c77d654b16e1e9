from guardrail.cli.excerpt import Mark, shown, underlined


def rows(text: str, *marks: Mark, width: int = 40) -> list[str]:
    return [row.plain for row in underlined(text, marks, width)]


def test_marks_stand_under_what_they_mark() -> None:
    assert rows("a red kite", Mark("1", 2, 5, "red"), Mark("2", 6, 10, "blue")) == [
        "a red kite",
        "  1^^ 2^^^",
    ]


def test_wide_characters_take_two_cells() -> None:
    assert rows("赤い凧が飛ぶ", Mark("1", 0, 2, "red"), Mark("2", 3, 4, "red")) == [
        "赤い凧が飛ぶ",
        "1^^^  2^",
    ]


def test_marks_that_overlap_get_rows_of_their_own() -> None:
    assert rows("abcdef", Mark("1", 0, 4, "red"), Mark("2", 2, 6, "red")) == [
        "abcdef",
        "1^^^",
        "  2^^^",
    ]


def test_a_mark_goes_on_in_the_next_row() -> None:
    assert rows("abcdef\nghi", Mark("1", 2, 8, "red"), width=4) == [
        "abcd",
        "  1^",
        "ef",
        "1^",
        "ghi",
        "1",
    ]


def test_control_and_invisible_characters_are_shown_one_for_one() -> None:
    assert shown("a\x1b[2J\u202eb\u200bc\x9b") == "a␛[2J�b�c�"
