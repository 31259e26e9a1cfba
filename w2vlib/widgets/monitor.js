// The training monitor's view: numbers, curves, moving neighbours, and three buttons.

const UNHEARD =
  "No click gets through to the kernel while this cell runs. Interrupt the kernel (■) to stop and keep " +
  "what was learned; or train with fit(…, background=True).";

class MonitorView {
  constructor(model, el) {
    this.model = model;
    this.root = makeRoot(el, "monitor");
    this.wire = new Wire(model, this.root, UNHEARD);
    this.build();
    this.onstate = () => this.render(model.get("state"));
    model.on("change:state", this.onstate);
    this.onstate();
  }

  close() {
    this.model.off("change:state", this.onstate);
    this.wire.close();
  }

  build() {
    const title = h("h3", { id: unique("title") }, "Training");
    this.root.setAttribute("aria-labelledby", title.id);
    const tell = (what) => () => this.wire.insist(what, { run: this.run });
    this.status = h("span", { class: "w2v-status", role: "status" });
    this.pause = h("button", { onclick: () => tell(this.paused ? "resume" : "pause")() }, "Pause");
    this.stop = h("button", { onclick: tell("stop") }, "Stop and keep");
    this.bar = h("progress", { max: 1, "aria-label": "share of the training done" });
    this.facts = h("dl");
    this.curves = h("div", { class: "w2v-curves" });
    this.sentence = h("p", { class: "w2v-muted" });
    this.probes = h("div", { class: "w2v-probes" });
    this.root.append(
      h("div", { class: "w2v-row w2v-head" }, title, this.status, h("span", { class: "w2v-buttons" }, this.pause, this.stop)),
      this.bar,
      this.wire.notice,
      this.wire.alarm,
      this.facts,
      this.curves,
      this.sentence,
      this.probes,
    );
  }

  render(state) {
    if (!state || !state.status) return;
    this.paused = state.paused;
    this.run = state.run;
    const active = state.status === "running" || state.status === "paused";
    const sign = { running: "▶", paused: "‖", finished: "✓" }[state.status] || "■";
    const text = `${sign} ${state.status}`;
    if (this.status.textContent !== text) this.status.textContent = text;
    this.pause.textContent = state.paused ? "Resume" : "Pause";
    this.pause.disabled = this.stop.disabled = !active;
    this.bar.hidden = state.done === null;
    if (state.done !== null) this.bar.value = state.done;
    this.facts.replaceChildren(...state.facts.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
    this.curves.innerHTML = state.curves; // numbers only, made by the kernel
    this.sentence.textContent = state.sentence;
    const rows = Object.entries(state.probes).map(([probe, words]) =>
      h("p", {}, h("strong", {}, probe), " → ", words.flatMap(({ word, step }, i) => [i ? ", " : "", word, step ? h("span", { class: "w2v-step" }, ` ${step}`) : ""])),
    );
    if (state.unknown.length) rows.push(h("p", { class: "w2v-muted" }, `not in the vocabulary: ${state.unknown.join(", ")}`));
    this.probes.replaceChildren(...(rows.length ? [h("h4", {}, "Nearest words now"), ...rows] : []));
  }
}

export default {
  render({ model, el }) {
    const view = new MonitorView(model, el);
    return () => view.close();
  },
};
