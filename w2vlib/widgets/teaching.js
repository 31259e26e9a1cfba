// The view of a small lesson: sliders, what they change, and that in words.

class LessonView {
  constructor(model, el) {
    this.model = model;
    this.root = makeRoot(el, "lesson");
    this.wire = new Wire(model, this.root);
    const title = h("h3", { id: unique("title") });
    this.root.setAttribute("aria-labelledby", title.id);
    this.title = title;
    this.controls = h("div", { class: "w2v-row" });
    this.content = h("div", { class: "w2v-content" });
    this.words = h("p", { role: "status" });
    this.root.append(title, this.controls, this.content, this.words, this.wire.notice, this.wire.alarm);
    this.sliders = new Map();
    this.onstate = () => this.render(model.get("state"));
    model.on("change:state", this.onstate);
    this.onstate();
  }

  close() {
    this.model.off("change:state", this.onstate);
    this.wire.close();
  }

  slider({ name, label }) {
    const text = h("output", {});
    const input = h("input", {
      type: "range",
      "aria-label": label,
      oninput: () => this.wire.ask("set", { name, value: Number(input.value) }).catch(() => {}),
    });
    this.controls.append(h("label", {}, `${label} `, input, " ", text));
    this.sliders.set(name, { input, text });
  }

  render(state) {
    if (!state || !state.controls) return;
    this.title.textContent = state.title;
    for (const control of state.controls) {
      if (!this.sliders.has(control.name)) this.slider(control);
      const { input, text } = this.sliders.get(control.name);
      for (const key of ["min", "max", "step"]) input.setAttribute(key, control[key]);
      if (document.activeElement !== input) input.value = control.value;
      input.setAttribute("aria-valuetext", control.text);
      text.textContent = control.text;
    }
    this.content.innerHTML = state.html; // made by the kernel, with every word escaped
    this.words.textContent = state.words;
  }
}

export default {
  render({ model, el }) {
    const view = new LessonView(model, el);
    return () => view.close();
  },
};
