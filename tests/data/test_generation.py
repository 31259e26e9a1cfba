"""The generator: same seed, same bytes, in a fresh process; any length, in constant memory."""

import hashlib
import itertools
import os
import random
import subprocess
import sys
import tracemalloc

import pytest
from generator import files, tables
from generator.stories import ECHO, sentences, separate_tags, take_tokens
from generator.template import Compiler, Speaker, TemplateError, Weighted
from generator.world import World, finish


@pytest.fixture(scope="module")
def world():
    return World()


def run(folder, *arguments, hash_seed="0"):
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(folder / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_regeneration_in_a_fresh_process_gives_the_same_files(folder):
    result = run(folder, "--check", hash_seed="12345")
    assert result.returncode == 0, result.stderr


def test_sums_are_those_of_the_files(folder):
    sums = (folder / "SHA256SUMS").read_text().split()
    digests = dict(zip(sums[1::2], sums[0::2], strict=True))
    assert set(digests) == {files.CORPUS, files.ENTITIES, *files.TRUTH}
    for name, digest in digests.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_check_names_the_file_that_differs(folder, tmp_path):
    for name in ("SHA256SUMS", files.CORPUS, files.ENTITIES, *files.TRUTH):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with (tmp_path / "similarity.tsv").open("a") as file:
        file.write("cat\tdog\t10\n")
    (tmp_path / "synonyms.tsv").unlink()
    result = run(folder, "--check", "--output", str(tmp_path))
    assert result.returncode == 1
    assert "similarity.tsv does not have the SHA-256" in result.stderr
    assert "synonyms.tsv is missing" in result.stderr
    assert "embedded.txt" not in result.stderr


def test_other_seed_other_text_same_truth(folder, tmp_path):
    result = run(folder, "--tokens", "500", "--seed", "7", "--output", str(tmp_path))
    assert result.returncode == 0, result.stderr
    text = (tmp_path / files.CORPUS).read_text()
    assert 500 <= len(text.split()) < 550
    assert not (folder / files.CORPUS).read_text().startswith(text[:200])
    for name in files.TRUTH:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_wrong_number_of_tokens_is_refused(folder, tmp_path):
    result = run(folder, "--tokens", "0", "--output", str(tmp_path))
    assert result.returncode == 2
    assert "--tokens must be at least 1, got 0" in result.stderr
    assert not list(tmp_path.iterdir())


def test_more_text_begins_with_less_text(world, lines):
    longer = [line for line, _ in itertools.islice(sentences(world, 20_130), 300)]
    assert longer == lines[:300]


def test_memory_does_not_grow_with_the_text(world):
    stream = sentences(world, 3)
    for _ in itertools.islice(stream, 2_000):
        pass
    tracemalloc.start()
    for _ in itertools.islice(stream, 20_000):
        pass
    grown, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 50_000
    assert peak < 200_000


def test_take_tokens_stops_after_whole_sentences():
    pairs = iter([("a b .", "..."), ("c .", ".."), ("d .", "..")])
    assert [line for line, _ in take_tokens(pairs, 4)] == ["a b .", "c ."]


# The mini-language.


class Nothing:
    """A grammar without rules."""

    def rule(self, name):
        raise ValueError(name)

    binding = field = rule


def speak(template, *draws):
    speaker = Speaker(iter(draws).__next__)
    Compiler(Nothing()).compile(template)(speaker)
    return " ".join(speaker.words)


def test_template_of_plain_words():
    assert speak("the cat  sat") == "the cat sat"


@pytest.mark.parametrize(
    ("draw", "text"), [(0.0, "a red hat"), (0.4, "a blue hat"), (0.9, "a hat")]
)
def test_template_alternatives_have_equal_chance(draw, text):
    assert speak("a (red|blue|) hat", draw) == text


def test_template_optional_part_and_nesting():
    assert speak("a [very (old|new)] hat", 0.1, 0.9) == "a very new hat"
    assert speak("a [very (old|new)] hat", 0.6) == "a hat"


@pytest.mark.parametrize("template", ["a (b|c", "a b)", "a [b", "a {b", "a ]", "{", "(a]"])
def test_template_with_unbalanced_brackets_is_refused(template):
    with pytest.raises(TemplateError):
        Compiler(Nothing()).compile(template)


def test_unknown_rule_is_refused(world):
    with pytest.raises(ValueError, match="no rule and no table is called 'elephants'"):
        world.compiler.compile("two {elephants}")


def test_weighted_draw_is_exact_at_the_bounds():
    items = Weighted("abc", [1, 2, 1])
    draws = [0.0, 0.2499, 0.25, 0.7499, 0.75, 0.9999]
    assert "".join(items.draw(lambda d=d: d) for d in draws) == "aabbcc"


def test_weighted_draw_follows_the_weights():
    items = Weighted("abc", [1, 2, 7])
    chance = random.Random(0).random
    drawn = [items.draw(chance) for _ in range(20_000)]
    for letter, share in zip("abc", (0.1, 0.2, 0.7), strict=True):
        assert abs(drawn.count(letter) / 20_000 - share) < 0.015


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a apple", "an apple"),
        ("a pear", "a pear"),
        ("a hour", "an hour"),
        ("a honest man", "an honest man"),
        ("a uniform", "a uniform"),
        ("a unimportant note", "an unimportant note"),
        ("a useful idea", "a useful idea"),
        ("a one pound coin", "a one pound coin"),
        ("a euro", "a euro"),
        ("a umbrella", "an umbrella"),
        ("comma a apple", "comma an apple"),
    ],
)
def test_a_becomes_an(text, expected):
    assert finish(text.split()) == expected


def test_tags_are_split_off():
    assert separate_tags("paris@P lives in new york@L .") == (
        "paris lives in new york .",
        "P...L.",
    )
    assert separate_tags("it rained .") == ("it rained .", "...")


@pytest.mark.parametrize(
    "text",
    ["emma@P and emma@P met .", "paris@L is in paris@L .", "a blue cloak and a blue cloak ."],
)
def test_echoes_are_heard(text):
    assert ECHO.search(text)


def test_ordinary_sentences_are_no_echo():
    assert not ECHO.search("this joke is funnier than that joke .")
    assert not ECHO.search("emma@P and emmanuel@P met .")


# The tables.


def write(tmp_path, text):
    path = tmp_path / "pets.txt"
    path.write_text(text)
    return path


def test_table_is_read(tmp_path):
    path = write(
        tmp_path,
        "# pets\ncolumns: adult young\nweights: zipf 2\n\ncat kitten  # soft\n"
        "  did: slept; ate a fish\n  did: purred\ndog _\n",
    )
    table = tables.read(path)
    assert [row.words for row in table.rows] == [
        {"adult": "cat", "young": "kitten"},
        {"adult": "dog"},
    ]
    assert table.rows[0].phrases == {"did": ["slept", "ate a fish", "purred"]}
    assert table.weights == [tables.SCALE // 2, tables.SCALE // 3]


@pytest.mark.parametrize(
    "text",
    [
        "columns: a b\none two three\n",
        "columns: a b\none two\n  no colon here\n",
        "  did: before any row\n",
    ],
)
def test_unreadable_table_names_file_and_line(tmp_path, text):
    with pytest.raises(ValueError, match=r"pets.txt, line \d+: cannot read"):
        tables.read(write(tmp_path, text))
