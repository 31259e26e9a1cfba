"""The training monitor as a widget: a thin skin around :class:`~w2vlib.widgets.TrainingMonitor`."""

from __future__ import annotations

import traitlets

from w2vlib.widgets.base import Panel, module, style


class MonitorPanel(Panel):
    """Shows a monitor's state and passes its buttons on."""

    _esm = module("monitor")
    _css = style("monitor")
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, monitor) -> None:
        self.monitor = monitor
        super().__init__(state=monitor.state())

    def do_pause(self, message: dict) -> None:
        """Let the training rest."""
        if self._of_now(message):
            self.monitor.pause()

    def do_resume(self, message: dict) -> None:
        """Go on."""
        if self._of_now(message):
            self.monitor.resume()

    def do_stop(self, message: dict) -> None:
        """End it and keep what was learned."""
        if self._of_now(message):
            self.monitor.stop()

    def _of_now(self, message: dict) -> bool:
        """Whether this training was meant: a message may have waited for the end of another."""
        return message.get("run") == self.monitor.runs

    def still(self) -> str:
        """The curves so far, as HTML without a kernel."""
        return self.monitor.log.html()

    def summary(self) -> str:
        """The training in one line."""
        return f"Training monitor: {self.monitor.log.status}. {self.monitor.log.sentence()}"
