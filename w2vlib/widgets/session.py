"""The analogy explorer without its looks: questions in, plain data out.

Everything that the widget shows comes from :meth:`Explorer.state`, and everything that a reader
does in it is one call of a method here, so all of it can be tried (and tested) without a browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from w2vlib.validation import UnknownWordError, as_choice, as_count
from w2vlib.widgets import compare as comparing
from w2vlib.widgets import export, plane
from w2vlib.widgets import picture as drawing
from w2vlib.widgets.formula import (
    FormulaError,
    Term,
    as_analogy,
    from_analogy,
    parse,
    show,
    word_at,
)
from w2vlib.widgets.history import Trail
from w2vlib.widgets.query import (
    MOST_ANSWERS,
    SIMILARITIES,
    Answer,
    EmptyQueryError,
    Query,
    Vocabulary,
    ask,
    ranks_of,
    rows_of,
    what_changed,
)
from w2vlib.word_vectors import METHODS, WordVectors

MODES = ("analogy", "formula")
PICTURES = ("plane", "shadow")
# Tried in turn until all three words are known.
_FIRST_QUESTIONS = (
    ("man", "king", "woman"),
    ("king", "queen", "man"),
    ("france", "paris", "italy"),
    ("good", "better", "bad"),
)


class Explorer:
    """Asks one or several models, remembers the way, and tells all there is to show.

    Args:
        vectors: a :class:`~w2vlib.word_vectors.WordVectors`; or several, as a dict from a name to
            each, or a list (of epochs, for example).
        start: the first question: a formula, a word, or three words (a, b, c).
        top: how many answers.
        name: the variable that holds ``vectors``, for the code that reproduces an answer.
        min_count: how often a word had to occur to be kept, if known: it explains missing words.
        all_counts: counts of all words of the text, before rare ones were dropped, if known.

    Raises:
        TypeError: something else than word vectors.
        ValueError: no model at all, or a ``start`` of other than one or three words.

    Example:
        >>> import numpy as np
        >>> explorer = Explorer(WordVectors(["sun", "moon"], np.eye(2)), start="sun")
        >>> explorer.answer.words
        ['moon']
    """

    def __init__(
        self,
        vectors,
        *,
        start: str | Sequence[str] | None = None,
        top: int = 10,
        name: str = "vectors",
        min_count: int | None = None,
        all_counts: Mapping[str, int] | None = None,
    ) -> None:
        self.models, self._named = _as_models(vectors)
        self.name = name
        self._facts = {"min_count": min_count, "all_counts": all_counts}
        self._vocabularies: dict[str, Vocabulary] = {}
        self._alignments: dict[tuple, comparing.Alignment] = {}
        self.model = next(iter(self.models))
        self.other: str | None = None
        self.mode, self.picture_kind = "analogy", "plane"
        self.options = {
            "similarity": "cosine",
            "method": "3CosAdd",
            "top": min(as_count(top, "top"), MOST_ANSWERS),
            "exclude_query": True,
        }
        self.fields = ["", "", ""]
        self.text = ""
        self.answer: Answer | None = None
        self.problem: dict | None = None
        self.changed = ""
        self.trail: Trail[tuple[Term, ...]] = Trail()
        self._begin(start)

    def _begin(self, start) -> None:
        if start is None:
            known = (q for q in _FIRST_QUESTIONS if all(word in self.vectors for word in q))
            start = next(known, None) or self.vectors.by_frequency()[0]
        if isinstance(start, str):
            self.ask(start)
        elif isinstance(start, Iterable) and len(words := list(start)) == 3:
            self.ask_analogy(*words)
        else:
            raise ValueError(f"start must be a formula, a word or three words, got {start!r}.")
        if self.answer is not None and self.answer.query.analogy is None:
            self.mode = "formula"

    # -- what there is

    @property
    def vectors(self) -> WordVectors:
        """The model that is asked."""
        return self.models[self.model]

    @property
    def vocabulary(self) -> Vocabulary:
        """Completion and suggestions for the model that is asked."""
        if self.model not in self._vocabularies:
            self._vocabularies[self.model] = Vocabulary(self.vectors, **self._facts)
        return self._vocabularies[self.model]

    def complete(self, text: str, caret: int | None = None) -> dict:
        """Completions of the word at ``caret`` in a formula (or in a field that holds one word).

        Returns:
            ``{"start", "end", "words": [[word, count], …]}``: what to replace, and by what.
        """
        start, end, prefix = word_at(text, len(text) if caret is None else caret)
        words = self.vocabulary.complete(prefix)
        return {"start": start, "end": end, "words": [list(pair) for pair in words]}

    # -- questions

    def ask(self, text: str) -> None:
        """Ask a formula; what is wrong with it is kept in :attr:`problem`."""
        self.text = text
        try:
            terms = parse(text, self.vectors.__contains__)
        except FormulaError as error:
            self.problem = {"message": str(error), "words": []}
            return
        self._ask(tuple(terms))

    def ask_analogy(self, a: str, b: str, c: str) -> None:
        """Ask "a is to b as c is to …"; each field holds one word."""
        self.fields = [str(word).strip() for word in (a, b, c)]
        missing = [name for name, word in zip("abc", self.fields, strict=True) if not word]
        if missing:
            self.problem = {"message": f"Type a word for {' and '.join(missing)}.", "words": []}
            return
        self._ask(tuple(from_analogy(*self.fields)))

    def ask_word(self, word: str) -> None:
        """Make one word the question: its neighbours."""
        self.mode = "formula"
        self._ask((Term(word),))

    def mend(self, word: str, by: str) -> None:
        """Put ``by`` in the place of an unknown word, and ask again."""
        if self.mode == "analogy":
            self.ask_analogy(*(by if field == word else field for field in self.fields))
            return
        terms = parse(self.text, self.vectors.__contains__)
        self._ask(tuple(Term(by, t.weight) if t.word == word else t for t in terms))

    def back(self) -> None:
        """The question before."""
        self._revisit(self.trail.back())

    def forward(self) -> None:
        """The question after."""
        self._revisit(self.trail.forward())

    def go(self, place: int) -> None:
        """The question number ``place`` of the trail."""
        self._revisit(self.trail.go(as_count(place, "place", 0)))

    def _revisit(self, terms) -> None:
        if terms is not None:
            self.mode = "analogy" if as_analogy(terms) else "formula"
            self._ask(terms, remember=False)

    def _ask(self, terms: tuple[Term, ...], remember: bool = True) -> None:
        self.problem, self.changed = None, ""
        if self.mode == "formula":
            self.text = show(terms, self.vectors.__contains__)
        unknown = list(dict.fromkeys(t.word for t in terms if t.word not in self.vectors))
        if unknown:
            self.problem = self._explain(unknown)
            return
        before = self.answer
        query = Query(terms, **self.options)
        try:
            self.answer = ask(self.vectors, query)
        except (EmptyQueryError, UnknownWordError) as error:
            self.problem = {"message": str(error), "words": []}
            return
        self.changed = what_changed(before, self.answer)
        self.text = show(terms, self.vectors.__contains__)
        if query.analogy:
            self.fields = list(query.analogy)
        if remember:
            self.trail.push(terms)

    def _explain(self, unknown: list[str]) -> dict:
        """Which words are missing, why perhaps, and what to try instead."""
        vocabulary = self.vocabulary
        words = [
            {"word": word, "why": vocabulary.why_missing(word), "try": vocabulary.suggest(word)}
            for word in unknown
        ]
        names = " and ".join(repr(word) for word in unknown)
        are = "is" if len(unknown) == 1 else "are"
        where = "the vocabulary" if len(self.models) == 1 else f"the vocabulary of {self.model!r}"
        return {"message": f"{names} {are} not in {where}.", "words": words}

    # -- switches

    def switch(self, **options) -> None:
        """Change ``similarity``, ``method``, ``top`` or ``exclude_query``, and ask again.

        Raises:
            ValueError: a value that is not allowed.
            TypeError: an option that does not exist.
        """
        unknown = set(options) - set(self.options)
        if unknown:
            raise TypeError(f"No option {sorted(unknown)}; there are {list(self.options)}.")
        wanted = self.options | options
        Query((Term("x"),), **wanted)  # refuses wrong values before anything changes
        as_choice(wanted["similarity"], "similarity", SIMILARITIES)
        as_choice(wanted["method"], "method", METHODS)
        self.options = wanted
        self._again()

    def set_mode(self, mode: str) -> None:
        """Three fields (``"analogy"``) or one line (``"formula"``)."""
        self.mode = as_choice(mode, "mode", MODES)

    def set_picture(self, kind: str) -> None:
        """The exact ``"plane"`` (where there is one) or the ``"shadow"``."""
        self.picture_kind = as_choice(kind, "picture", PICTURES)

    def choose(self, model: str) -> None:
        """Ask another model the same question."""
        self.model = as_choice(model, "model", tuple(self.models))
        if self.other == model:
            self.other = None
        self.answer = None
        self._again()

    def set_other(self, model: str | None) -> None:
        """The model to compare with; ``None`` for none."""
        if model is not None:
            as_choice(model, "model", tuple(self.models))
        self.other = None if model == self.model else model

    def _again(self) -> None:
        if self.trail.current is not None:
            mode = self.mode
            self._ask(self.trail.current, remember=False)
            self.mode = mode

    # -- what to show

    def state(self, live: bool = True) -> dict:
        """All there is to show, as data that JSON can carry."""
        picture, pair = self.picture(), self._pair()
        frame = None
        if picture is not None:
            shared = [] if pair is None else pair[0].points
            frame = drawing.Frame.around([*picture.points, *shared])
        other = None if self.other is None else self._compared(pair, frame, live)
        query = None if self.answer is None else self.answer.query
        rows = self.rows(picture, other)
        return {
            "mode": self.mode,
            "fields": self.fields,
            "text": self.text,
            "options": {**self.options, "picture": self.picture_kind},
            "method_used": query.method if query else self.options["method"],
            "models": list(self.models),
            "model": self.model,
            "other": self.other or "",
            "size": "{:,} words × {} numbers".format(*self.vectors.shape),
            "headline": self.headline(),
            "problem": self.problem,
            "changed": self.changed,
            "rows": rows,
            "score": {"cosine": "cosine", "dot": "dot product"}[self.options["similarity"]]
            if query is None or query.method == "3CosAdd"
            else "3CosMul",
            "counts": self.vectors.counts is not None,
            "picture": "" if picture is None else self._drawn(picture, frame, live),
            "exact": picture is not None and picture.kind == "plane",
            "can_be_exact": query is not None and query.analogy is not None,
            "sentence": "" if picture is None else plane.in_words(picture, self.answer),
            "compared": other,
            "trail": [self._label(terms) for terms in self.trail.items],
            "at": self.trail.at,
            "code": "" if query is None else export.as_code(query, self.expression),
        }

    @property
    def expression(self) -> str:
        """How the code names the model that is asked."""
        if self._named is None:
            return self.name
        place = list(self.models).index(self.model)
        return f"{self.name}[{self.model!r}]" if self._named else f"{self.name}[{place}]"

    def headline(self) -> str:
        """The question and the first answer."""
        if self.answer is None:
            return ""
        query, first = self.answer.query, self.answer.first
        found = "nothing" if first is None else first.word
        if query.analogy:
            a, b, c = query.analogy
            return f"{a} is to {b} as {c} is to {found}"
        name = plane.target_name(query.terms)
        return (
            f"{name} ≈ {found}" if len(query.terms) > 1 else f"{name}: its nearest word is {found}"
        )

    def _label(self, terms) -> str:
        abc = as_analogy(terms)
        return "{} : {} = {} : ?".format(*abc) if abc else plane.target_name(terms)

    def rows(self, picture=None, other=None) -> list[dict]:
        """The table: text for every cell, and whether a word belongs to the query."""
        if self.answer is None:
            return []
        beside = {} if picture is None else self._beside()
        moved = {} if other is None else other["moves"]
        number = export.number
        return [
            {
                "rank": row.rank,
                "word": row.word,
                "score": number(row.score),
                "cosine": number(row.cosine),
                "dot": number(row.dot),
                "count": "" if row.count is None else f"{row.count:,}",
                "beside": number(beside[row.word]) if beside else "",
                "in_query": row.in_query,
                "moved": moved.get(row.word, ""),
            }
            for row in self.answer.rows
        ]

    def _beside(self) -> dict[str, float]:
        """How far each answer lies beside the drawn plane, also of those that are not drawn."""
        axes, _, _ = plane.axes_of(self.vectors, self.answer, self.picture_kind)
        words = self.answer.words
        ids = [self.vectors.word_to_id[word] for word in words]
        rows = rows_of(self.vectors, ids, self.answer.query.similarity)
        return dict(zip(words, axes.place(rows)[1].tolist(), strict=True))

    def picture(self) -> plane.Picture | None:
        """The picture of the answer as numbers."""
        if self.answer is None:
            return None
        return plane.draw_answer(self.vectors, self.answer, self.picture_kind)

    def _drawn(self, picture: plane.Picture, frame, live: bool) -> str:
        return drawing.draw(picture, title=self._title(self.model), live=live, frame=frame)

    def _title(self, model: str) -> str:
        which = f" ({model})" if len(self.models) > 1 else ""
        return f"Picture{which}: {self.headline()}"

    # -- comparison

    def _pair(self):
        """The other model's picture in this one's plane, its answer, and how it was turned.

        ``None`` where there is nothing to compare with.
        """
        if self.other is None or self.answer is None:
            return None
        other, query = self.models[self.other], self.answer.query
        if comparing.missing_words(other, query):
            return None
        answer = ask(other, query)
        key = (self.other, self.model, query.similarity)
        if key not in self._alignments:
            self._alignments[key] = comparing.align(other, self.vectors, query.similarity)
        alignment = self._alignments[key]
        words = list(dict.fromkeys([*query.words, *answer.words]))
        rows = rows_of(other, [other.word_to_id[word] for word in words], query.similarity)
        turned = WordVectors(words, rows @ alignment.rotation)
        axes, _, _ = plane.axes_of(self.vectors, self.answer, self.picture_kind)
        return plane.draw_answer(turned, answer, axes=axes), answer, alignment

    def _compared(self, pair, frame, live: bool) -> dict:
        """What there is to show of the other model."""
        shown = {"name": self.other, "moves": {}, "picture": "", "sentence": ""}
        if self.answer is None:
            return shown
        query, other = self.answer.query, self.models[self.other]
        if pair is None:
            names = " and ".join(map(repr, comparing.missing_words(other, query)))
            return shown | {"sentence": f"{self.other!r} does not know {names}."}
        drawn, answer, alignment = pair
        found = comparing.moves(self.answer, ranks_of(other, query, self.answer.words))
        first = answer.words[0] if answer.rows else "nothing"
        title = f"Picture ({self.other}), turned onto {self.model}: first answer {first}"
        sentence = (
            f"{self.other!r} answers {first!r}. Its vectors were turned onto those of "
            f"{self.model!r} (Procrustes: {alignment.words:,} shared words, which then agree with "
            f"themselves to a mean cosine of {export.number(alignment.agreement, 2)}) and are "
            "drawn in the same plane, at the same scale."
        )
        return shown | {
            "moves": {m.word: f"{_place(m.there)} {m.text}".strip() for m in found},
            "picture": drawing.draw(drawn, title=title, live=live, frame=frame),
            "sentence": sentence,
        }

    # -- to take away

    def csv(self) -> str:
        """The table as comma-separated values."""
        return "" if self.answer is None else export.as_csv(self.answer, self._beside())

    def svg(self) -> str:
        """The picture as an SVG file, in printed colours."""
        picture = self.picture()
        return "" if picture is None else self._drawn(picture, None, live=False)

    def code(self) -> str:
        """Lines of Python that give the same answer."""
        return "" if self.answer is None else export.as_code(self.answer.query, self.expression)

    def file_name(self, suffix: str) -> str:
        """A name for a file with the answer."""
        return (
            "answer." + suffix
            if self.answer is None
            else export.file_name(self.answer.query, suffix)
        )

    def html(self) -> str:
        """Picture, table and words without a kernel, for saved notebooks and for print."""
        state = self.state(live=False)
        if self.answer is None:
            return f'<div class="w2v-static"><p>{self.problem["message"]}</p></div>'
        pictures = [(state["picture"], self._title(self.model))]
        other = state["compared"]
        if other and other["picture"]:
            pictures.append((other["picture"], f"The same for {other['name']}"))
        head = [
            "rank",
            "word",
            state["score"],
            "cosine",
            "dot product",
            "count",
            "off the plane" if state["exact"] else "off the picture",
        ]
        keys = ["rank", "word", "score", "cosine", "dot", "count", "beside"]
        if state["score"] in ("cosine", "dot product"):
            del head[2], keys[2]
        if not state["counts"]:
            head.remove("count"), keys.remove("count")
        if other:
            head.append(f"in {other['name']}")
            keys.append("moved")
        table = [head] + [[str(row[key]) for key in keys] for row in state["rows"]]
        words = " ".join(filter(None, [state["sentence"], other["sentence"] if other else ""]))
        note = "A still picture of the analogy explorer. Run the cell to ask questions of your own."
        return export.static_html(state["headline"], words, pictures, table, note)


def _place(rank: int | None) -> str:
    return "" if rank is None else f"{rank:,}"


def _as_models(vectors) -> tuple[dict[str, WordVectors], bool | None]:
    """Name → vectors; and whether they were named (dict), numbered (list) or just one (None)."""
    if isinstance(vectors, WordVectors):
        return {"vectors": vectors}, None
    named = isinstance(vectors, Mapping)
    if named:
        models = {str(name): model for name, model in vectors.items()}
    elif isinstance(vectors, (list, tuple)):
        models = {f"model {i + 1}": model for i, model in enumerate(vectors)}
    else:
        raise TypeError(
            "vectors must be WordVectors, or a dict or list of them, got "
            f"{type(vectors).__name__}. "
            "For a trained model: WordVectors(corpus.words, model.word_vecs, corpus.counts); for a "
            "file: WordVectors.load(path)."
        )
    for name, model in models.items():
        if not isinstance(model, WordVectors):
            raise TypeError(f"{name!r} must be WordVectors, got {type(model).__name__}.")
    if not models:
        raise ValueError("There is no model to explore: the list is empty.")
    return models, named
