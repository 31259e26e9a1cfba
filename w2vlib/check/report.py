"""What a check says: a verdict, the smallest example that shows it, and hints in stages.

A report is plain text inside, so that it can be printed, shown in a notebook, stored and compared.
Its HTML has no scripts, asks for nothing from outside and borrows the page's own colours, so it
looks right in a light and in a dark notebook and is the same in every run.
"""

from __future__ import annotations

import html
import re
import textwrap
from dataclasses import asdict, dataclass, field

STATUSES = ("passed", "not attempted", "wrong")
_SYMBOLS = {"passed": "✓", "not attempted": "○", "wrong": "✗"}
# Mid tones, legible on white and on near-black alike; the symbol says the same without them.
_ACCENTS = {"passed": "#2e9e5b", "not attempted": "#8a8f98", "wrong": "#d9622b"}
_WIDTH = 92


@dataclass(frozen=True)
class Report:
    """The answer of one check.

    Attributes:
        exercise: name of the check.
        status: ``"passed"`` (then ``bool(report)`` is True), ``"not attempted"`` or ``"wrong"``.
        headline: the verdict in a few words.
        mistake: name of the mistake if it was recognised, else None.
        text: what is wrong and why it matters.
        example: the smallest example that shows it, pairs of a label and a value, both text.
        hints: from a gentle push to nearly the answer.
        remarks: small things worth knowing that do not change the verdict.
        printed: what the checked code printed meanwhile, cut short.
    """

    exercise: str
    status: str
    headline: str
    mistake: str | None = None
    text: str = ""
    example: tuple[tuple[str, str], ...] = ()
    hints: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    printed: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status must be one of {STATUSES}, got {self.status!r}.")

    def __bool__(self) -> bool:
        return self.status == "passed"

    def to_dict(self) -> dict:
        """All fields as plain data, for storing."""
        return asdict(self)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        parts = [f"{_SYMBOLS[self.status]} {self.exercise}: {self.headline}"]
        if self.mistake:
            parts[0] += f"  [{self.mistake}]"
        parts += [_wrapped(self.text)] if self.text else []
        parts += [_labelled(label, value) for label, value in self.example]
        parts += [_wrapped("Note: " + remark) for remark in self.remarks]
        if self.printed:
            parts.append("Your code printed:\n" + textwrap.indent(self.printed, "    "))
        if self.hints:
            parts.append(_wrapped("Hint 1: " + self.hints[0]))
        if len(self.hints) > 1:
            parts.append(f"More hints: print(report.hints[1]) … [{len(self.hints) - 1}]")
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        accent = _ACCENTS[self.status]
        parts = [
            f'<div role="status" style="border-left: 4px solid {accent}; padding: 0.3em 0 0.3em '
            '0.9em; margin: 0.4em 0; color: inherit; max-width: 56em;">',
            f'<div><strong><span style="color: {accent};" aria-hidden="true">'
            f"{_SYMBOLS[self.status]}</span> {html.escape(self.exercise)}: "
            f"{_inline(self.headline)}</strong>{_tag(self.mistake)}</div>",
        ]
        parts += [_paragraph(self.text)] if self.text else []
        parts += [_example_html(label, value) for label, value in self.example]
        parts += [_paragraph("Note: " + remark) for remark in self.remarks]
        if self.printed:
            parts.append(_details("What your code printed", _pre(self.printed)))
        parts += [_hints_html(self.hints)] if self.hints else []
        return "\n".join([*parts, "</div>"])


def _wrapped(text: str) -> str:
    lines = text.split("\n")
    return "\n".join(textwrap.fill(line, _WIDTH, subsequent_indent="  ") for line in lines)


def _labelled(label: str, value: str) -> str:
    """``label = value``; the lines of a matrix stand below each other."""
    if "\n" not in value and len(label) + len(value) < _WIDTH - 5:
        return f"  {label}: {value}"
    return f"  {label}:\n" + textwrap.indent(value, "    ")


def _inline(text: str) -> str:
    """Escaped, with `code` between backticks set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def _paragraph(text: str) -> str:
    return "\n".join(
        f'<p style="margin: 0.4em 0;">{_inline(line)}</p>' for line in text.split("\n") if line
    )


def _tag(mistake: str | None) -> str:
    if not mistake:
        return ""
    return f' <code style="font-size: 85%; opacity: 0.8;">{html.escape(mistake)}</code>'


def _pre(text: str) -> str:
    return (
        '<pre style="margin: 0; padding: 0; background: transparent; color: inherit; '
        'font-family: var(--jp-code-font-family, monospace); overflow-x: auto;">'
        f"{html.escape(text)}</pre>"
    )


def _example_html(label: str, value: str) -> str:
    return (
        '<div style="display: flex; flex-wrap: wrap; gap: 0.2em 1em; margin: 0.25em 0;">'
        f'<div style="flex: 0 0 13em; opacity: 0.8;">{_inline(label)}</div>'
        f'<div style="flex: 1 1 20em; min-width: 0;">{_pre(value)}</div></div>'
    )


def _details(summary: str, inner: str) -> str:
    return (
        '<details style="margin: 0.4em 0;"><summary style="cursor: pointer;">'
        f'{html.escape(summary)}</summary><div style="margin: 0.3em 0 0.3em 1.2em;">{inner}</div>'
        "</details>"
    )


def _hints_html(hints: tuple[str, ...]) -> str:
    """Each hint holds the next one, so they can only be unfolded in order."""
    nested = ""
    for number in range(len(hints), 0, -1):
        nested = _details(f"Hint {number} of {len(hints)}", _paragraph(hints[number - 1]) + nested)
    return nested
