"""The line between a widget and its page, without either: who gets what the page says."""

from types import SimpleNamespace

import pytest

from w2vlib.widgets.base import Panel


class Plain(Panel):
    """The smallest widget."""

    _esm = "export default {}"

    def do_echo(self, message):
        return {"said": message["word"]}


@pytest.fixture
def kernel(monkeypatch):
    """A kernel that runs a cell, and in which a message arrives in the middle of each sending."""
    comms = pytest.importorskip("ipykernel.comm.comm")
    if not hasattr(comms.BaseComm, "_reply_subshell_for"):
        pytest.skip("this ipykernel leaves messages to the thread that the page has chosen")
    found = SimpleNamespace(comm=None, sent=[], routes=[])

    def send(socket, msg_type, content, **rest):
        found.sent.append(msg_type)
        if msg_type == "comm_msg":  # the page knows the line: just now it says something
            found.routes.append(route())

    def route():
        return found.comm._reply_subshell_for({"method": "custom"}, "the page's own thread")

    running = SimpleNamespace(
        session=SimpleNamespace(send=send),
        iopub_socket=None,
        get_parent=lambda: {"header": {"msg_type": "execute_request"}},  # of the main thread
    )
    kernel = SimpleNamespace(initialized=lambda: True, instance=lambda: running)
    monkeypatch.setattr(comms, "Kernel", kernel)

    monkeypatch.setattr("comm.create_comm", comms.BaseComm)
    found.route = route
    return found


def test_a_message_is_never_handed_to_the_busy_cell(kernel):
    """A click that comes while the cell tells of its progress must not wait for the cell's end."""
    panel = Plain()
    kernel.comm, opened = panel.comm, len(kernel.sent)  # the widget, and its layout
    assert set(kernel.sent) == {"comm_open"}
    assert kernel.route() == "the page's own thread"
    for i in range(3):
        panel.error = {"message": str(i)}
    assert kernel.sent[opened:] == ["comm_msg"] * 3
    assert kernel.routes == ["the page's own thread"] * 3
    assert kernel.route() == "the page's own thread"


def test_an_answer_goes_to_the_view_that_asked(monkeypatch):
    panel, sent = Plain(), []
    monkeypatch.setattr(panel, "send", sent.append)
    panel._receive(panel, {"do": "echo", "word": "king", "view": "v", "number": 3}, [])
    assert sent == [{"view": "v", "number": 3, "said": "king"}] and not panel.error
    panel._receive(panel, {"do": "nothing", "view": "v", "number": 4}, [])
    assert sent[1] == {"view": "v", "number": 4} and "do_nothing" in panel.error["message"]
    panel._receive(panel, {"do": "hello", "view": "w", "number": 1}, [])
    assert sent[2] == {"view": "w", "number": 1} and not panel.error
