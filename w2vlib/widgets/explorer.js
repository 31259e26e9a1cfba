// The analogy explorer's view. It draws what the kernel tells and sends back what the reader does.

/** A text field with a list of completions: the WAI-ARIA combobox pattern, by keyboard or mouse. */
class Combobox {
  constructor({ label, wire, whole = false, submit, placeholder = "" }) {
    this.wire = wire;
    this.whole = whole; // the field holds one word, which may contain blanks
    this.submit = submit;
    this.list = h("ul", { role: "listbox", id: unique("list"), "aria-label": `Words for ${label}`, hidden: true });
    this.input = h("input", {
      type: "text",
      role: "combobox",
      "aria-label": label,
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": this.list.id,
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      placeholder,
      oninput: () => {
        this.dirty = true;
        this.complete();
      },
      onkeydown: (event) => this.key(event),
      onblur: () => this.close(),
    });
    this.node = h("span", { class: "w2v-combo" }, this.input, this.list);
    this.words = [];
    this.at = -1;
    this.asked = 0;
    this.dirty = false; // typed, and not yet asked
  }

  get value() {
    return this.input.value;
  }

  /** An answer to an earlier question must not take away what is being typed. */
  set value(text) {
    if (this.dirty && document.activeElement === this.input) return;
    this.dirty = false;
    if (this.input.value !== text) this.input.value = text;
  }

  async complete() {
    const asked = ++this.asked;
    const text = this.value;
    const caret = this.whole ? text.length : this.input.selectionStart;
    if (!text.trim()) return this.close();
    let reply;
    try {
      reply = await this.wire.ask("complete", { text, caret, whole: this.whole });
    } catch {
      return;
    }
    if (asked !== this.asked || document.activeElement !== this.input) return; // typed on meanwhile
    this.open(reply, text);
  }

  open({ start, end, words }, text) {
    // A late answer must not take back the row that was chosen from an earlier one.
    const kept = this.at < 0 ? null : this.words[this.at][0];
    this.span = [start, text.length - end];
    this.words = words;
    this.at = kept === null ? -1 : words.findIndex(([word]) => word === kept);
    this.list.replaceChildren(
      ...words.map(([word, count], i) =>
        h(
          "li",
          {
            role: "option",
            id: `${this.list.id}-${i}`,
            "aria-selected": "false",
            onmousedown: (event) => {
              event.preventDefault(); // the field keeps the focus
              this.take(i);
            },
          },
          h("span", {}, word),
          count == null ? null : h("span", { class: "w2v-count" }, count.toLocaleString("en")),
        ),
      ),
    );
    const shown = words.length > 0;
    this.list.hidden = !shown;
    this.input.setAttribute("aria-expanded", String(shown));
    this.mark();
  }

  close() {
    this.asked++;
    this.list.hidden = true;
    this.list.replaceChildren();
    this.words = [];
    this.at = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.mark();
  }

  mark() {
    [...this.list.children].forEach((row, i) => row.setAttribute("aria-selected", String(i === this.at)));
    if (this.at < 0) this.input.removeAttribute("aria-activedescendant");
    else {
      this.input.setAttribute("aria-activedescendant", `${this.list.id}-${this.at}`);
      this.list.children[this.at].scrollIntoView({ block: "nearest" });
    }
  }

  take(i) {
    // Letters may have been typed since the list was asked for: what follows the word is counted
    // from the end.
    const [start, after] = this.span;
    const word = this.words[i][0];
    this.input.value = this.value.slice(0, start) + word + this.value.slice(this.value.length - after);
    this.dirty = true;
    const caret = start + word.length;
    this.input.setSelectionRange(caret, caret);
    this.close();
  }

  key(event) {
    const open = !this.list.hidden;
    const n = this.words.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) return this.complete();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.at = this.at < 0 ? (step > 0 ? 0 : n - 1) : (this.at + step + n) % n;
      this.mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (open && this.at >= 0) this.take(this.at);
      else {
        this.close();
        this.submit();
      }
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }
  }
}

const SHAPES = "● a, ■ b, ▲ c: the query.  ⊕ the target.  ◆ the first answer.  ○ the others.";

class ExplorerView {
  constructor(model, el) {
    this.model = model;
    this.root = makeRoot(el, "explorer");
    this.wire = new Wire(model, this.root);
    this.build();
    this.onstate = () => this.render(model.get("state"));
    model.on("change:state", this.onstate);
    this.onstate();
  }

  close() {
    this.model.off("change:state", this.onstate);
    this.wire.close();
  }

  tell(what, content) {
    this.wire.ask(what, content).catch(() => {});
  }

  // -- the parts

  build() {
    const title = h("h3", { id: unique("title") }, "Analogy explorer");
    this.root.setAttribute("aria-labelledby", title.id);
    this.size = h("span", { class: "w2v-size" });
    this.models = h("div", { class: "w2v-models" });
    this.root.append(
      h("div", { class: "w2v-head" }, title, this.size, this.models),
      this.buildQuestion(),
      this.buildTrail(),
      (this.problem = h("div", { class: "w2v-problem", role: "alert" })),
      this.buildAnswer(),
      this.buildExport(),
      this.wire.notice,
      this.wire.alarm,
    );
  }

  buildQuestion() {
    const analogy = () => {
      for (const field of this.fields) field.dirty = false;
      this.tell("analogy", { words: this.fields.map((field) => field.value) });
    };
    const formula = () => {
      this.formula.dirty = false;
      this.tell("ask", { text: this.formula.value });
    };
    const { wire } = this;
    this.fields = ["a", "b", "c"].map((name) => new Combobox({ label: `word ${name}`, wire, whole: true, submit: analogy }));
    this.formula = new Combobox({ label: "formula", wire, submit: formula, placeholder: "king - man + woman" });
    const [a, b, c] = this.fields.map((field) => field.node);
    this.mode = choice("Ask with", [["analogy", "three words"], ["formula", "a formula"]], (mode) => {
      this.showMode(mode);
      this.tell("mode", { mode });
    });
    this.analogyRow = h("div", { class: "w2v-row w2v-sentence" }, a, h("span", {}, "is to"), b, h("span", {}, "as"), c, h("span", {}, "is to …"), h("button", { class: "w2v-go", onclick: analogy }, "Ask"));
    this.formulaRow = h("div", { class: "w2v-row w2v-sentence" }, this.formula.node, h("button", { class: "w2v-go", onclick: formula }, "Ask"));
    const set = (name) => (value) => this.tell("switch", { options: { [name]: value } });
    this.similarity = choice("Compare by", [["cosine", "cosine", "directions only"], ["dot", "dot product", "directions and lengths"]], set("similarity"));
    this.method = choice("Combine by", [["3CosAdd", "3CosAdd", "add the cosines"], ["3CosMul", "3CosMul", "multiply the cosines"]], set("method"));
    this.kind = choice("Picture", [["plane", "exact plane"], ["shadow", "shadow"]], (kind) => this.tell("picture", { kind }));
    this.exclude = h("input", { type: "checkbox", onchange: () => set("exclude_query")(!this.exclude.checked) });
    this.top = h("select", { "aria-label": "Answers", onchange: () => set("top")(Number(this.top.value)) }, [5, 10, 20, 50].map((n) => h("option", { value: n }, String(n))));
    return h(
      "div",
      { class: "w2v-question" },
      this.mode,
      this.analogyRow,
      this.formulaRow,
      h(
        "div",
        { class: "w2v-row w2v-switches" },
        this.similarity,
        this.method,
        h("label", {}, "Answers ", this.top),
        h("label", {}, this.exclude, " query words may be answers"),
      ),
    );
  }

  buildTrail() {
    this.backward = h("button", { "aria-label": "Back", title: "Back", onclick: () => this.tell("back") }, "←");
    this.onward = h("button", { "aria-label": "Forward", title: "Forward", onclick: () => this.tell("forward") }, "→");
    this.steps = h("ol");
    return h("nav", { class: "w2v-trail", "aria-label": "Trail of questions" }, this.backward, this.onward, this.steps);
  }

  buildAnswer() {
    this.headline = h("p", { class: "w2v-headline", tabindex: -1, role: "status" });
    this.changed = h("p", { class: "w2v-changed", role: "status" });
    this.pictures = h("div", { class: "w2v-pictures" });
    this.sentence = h("p", { class: "w2v-words" });
    this.head = h("tr");
    this.body = h("tbody", { onclick: (event) => this.pickRow(event) });
    this.caption = h("caption");
    this.pictures.addEventListener("click", (event) => this.pickPoint(event));
    this.pictures.addEventListener("keydown", (event) => this.movePoint(event));
    const table = h("div", { class: "w2v-table" }, h("table", {}, this.caption, h("thead", {}, this.head), this.body));
    return h(
      "div",
      { class: "w2v-answer" },
      this.headline,
      this.changed,
      h("div", { class: "w2v-two" }, h("figure", {}, this.kind, this.pictures, h("figcaption", {}, h("span", { class: "w2v-key" }, SHAPES), this.sentence)), table),
    );
  }

  buildExport() {
    const file = (what) => () => this.save(what);
    this.code = h("pre", { tabindex: 0, "aria-label": "Code that gives this answer" });
    this.copied = h("span", { role: "status" });
    return h(
      "div",
      { class: "w2v-row w2v-foot" },
      h("span", { class: "w2v-muted" }, "Save"),
      h("button", { onclick: file("svg") }, "picture (SVG)"),
      h("button", { onclick: file("png") }, "picture (PNG)"),
      h("button", { onclick: file("csv") }, "table (CSV)"),
      h("details", {}, h("summary", {}, "code for this answer"), this.code, h("button", { onclick: () => this.copy() }, "Copy"), this.copied),
    );
  }

  // -- what the reader does

  pickRow(event) {
    const row = event.target.closest("tr[data-word]");
    if (row && !window.getSelection().toString()) this.tell("word", { word: row.dataset.word });
  }

  pickPoint(event) {
    const point = event.target.closest(".w2v-point");
    if (point) this.tell("word", { word: point.dataset.word });
  }

  movePoint(event) {
    const point = event.target.closest(".w2v-point");
    if (!point) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return this.tell("word", { word: point.dataset.word });
    }
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const points = [...point.closest("svg").querySelectorAll(".w2v-point")];
    const next = points[(points.indexOf(point) + step + points.length) % points.length];
    point.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  }

  async save(what) {
    try {
      const file = await this.wire.ask("export", { what: what === "png" ? "svg" : what });
      if (what !== "png") return download(file.name, file.type, file.text);
      download(file.name.replace(/svg$/, "png"), "image/png", await asPng(file.text));
    } catch (error) {
      if (error.message !== "no answer") this.wire.error({ message: "the file could not be made.", details: String(error) });
    }
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.code.textContent);
      this.copied.textContent = " copied";
    } catch {
      window.getSelection().selectAllChildren(this.code);
      this.copied.textContent = " selected: press Ctrl+C";
    }
    setTimeout(() => (this.copied.textContent = ""), 3000);
  }

  // -- what the kernel says

  render(state) {
    if (!state || !state.options) return;
    const kept = this.focusedWord();
    this.size.textContent = state.size;
    this.renderModels(state);
    this.renderQuestion(state);
    this.renderTrail(state);
    this.renderProblem(state);
    this.headline.textContent = state.headline;
    this.changed.textContent = state.changed;
    this.renderTable(state);
    this.renderPictures(state);
    this.code.textContent = state.code;
    this.restoreFocus(kept);
  }

  renderModels({ models, model, other }) {
    if (models.length < 2) return this.models.replaceChildren();
    const key = JSON.stringify([models, model, other]);
    if (this.modelsKey === key) return;
    this.modelsKey = key;
    const focused = this.models.contains(document.activeElement) && document.activeElement.dataset.part;
    const select = (part, label, names, value, what) =>
      h("select", { "data-part": part, "aria-label": label, onchange: (event) => this.tell(what, { name: event.target.value }) }, names.map(([name, text]) => h("option", { value: name, selected: name === value }, text)));
    const all = models.map((name) => [name, name]);
    const others = [["", "nothing"], ...all.filter(([name]) => name !== model)];
    this.models.replaceChildren(
      h("label", {}, "Model ", select("model", "Model", all, model, "model")),
      h("label", {}, "compared with ", select("other", "compared with", others, other, "other")),
    );
    if (focused) this.models.querySelector(`[data-part="${focused}"]`).focus();
  }

  renderQuestion(state) {
    const { options } = state;
    this.mode.set(state.mode);
    this.showMode(state.mode);
    state.fields.forEach((word, i) => (this.fields[i].value = word));
    this.formula.value = state.text;
    this.similarity.set(options.similarity);
    this.method.set(state.method_used);
    this.method.enable("3CosMul", options.similarity === "cosine");
    this.kind.set(state.exact ? "plane" : "shadow");
    this.kind.enable("plane", state.can_be_exact);
    this.exclude.checked = !options.exclude_query;
    if (![...this.top.options].some((option) => Number(option.value) === options.top)) {
      this.top.append(h("option", { value: options.top }, String(options.top)));
    }
    this.top.value = String(options.top);
  }

  showMode(mode) {
    this.analogyRow.hidden = mode !== "analogy";
    this.formulaRow.hidden = mode !== "formula";
  }

  renderTrail({ trail, at }) {
    this.backward.disabled = at <= 0;
    this.onward.disabled = at + 1 >= trail.length;
    const from = Math.max(0, Math.min(at - 3, trail.length - 6));
    this.steps.replaceChildren(
      ...trail.slice(from, from + 6).map((label, i) =>
        h("li", {}, h("button", { "aria-current": from + i === at ? "step" : null, onclick: () => this.tell("go", { place: from + i }) }, label)),
      ),
    );
  }

  renderProblem({ problem }) {
    this.problem.replaceChildren();
    this.root.classList.toggle("w2v-has-problem", Boolean(problem));
    if (!problem) return;
    this.problem.append(h("strong", {}, problem.message));
    problem.words.forEach(({ word, why, try: words }, i) => {
      const buttons = words.map((by) => h("button", { onclick: () => this.tell("mend", { word, by }) }, by));
      const row = h("p", { class: "w2v-row" }, words.length ? `Instead of “${word}”:` : `Nothing here is spelt like “${word}”.`, buttons);
      // A reason that holds for the next word too is given once.
      const next = problem.words[i + 1];
      this.problem.append(row, next && next.why === why ? "" : h("p", { class: "w2v-muted" }, why));
    });
  }

  renderTable(state) {
    const extra = state.compared && state.compared.picture ? state.compared.name : null;
    const columns = [["rank", "rank"], ["word", "word"]];
    if (state.score === "3CosMul") columns.push(["score", "3CosMul"]);
    columns.push(["cosine", "cosine"], ["dot", "dot product"]);
    if (state.counts) columns.push(["count", "count"]);
    columns.push(["beside", state.exact ? "off the plane" : "off the picture"]);
    if (extra) columns.push(["moved", `place in ${extra}`]);
    this.caption.textContent = `Ranked by ${state.score}. Choose a word to ask for its neighbours.`;
    const name = (key) => (key === "word" ? "w2v-left" : "");
    const by = { cosine: "cosine", "dot product": "dot", "3CosMul": "score" }[state.score];
    this.head.replaceChildren(...columns.map(([key, text]) => h("th", { scope: "col", class: name(key), "aria-sort": key === by ? "descending" : null }, text + (key === by ? " ↓" : ""))));
    this.body.replaceChildren(
      ...state.rows.map((row) =>
        h(
          "tr",
          { "data-word": row.word, class: row.in_query ? "w2v-own" : row.rank === 1 ? "w2v-first" : "" },
          columns.map(([key]) =>
            key === "word"
              ? h("th", { scope: "row", class: "w2v-left" }, h("button", { class: "w2v-word" }, row.word), row.in_query ? h("span", { class: "w2v-muted" }, " in the query") : null)
              : h("td", {}, String(row[key])),
          ),
        ),
      ),
    );
  }

  renderPictures(state) {
    const compared = state.compared && state.compared.picture ? state.compared : null;
    const pictures = [h("div", {})];
    pictures[0].innerHTML = state.picture; // made by the kernel, with every word escaped
    if (compared) {
      pictures.push(h("div", {}));
      pictures[1].innerHTML = compared.picture;
      [state.model, compared.name].forEach((text, i) => pictures[i].prepend(h("div", { class: "w2v-name" }, text)));
    }
    this.root.classList.toggle("w2v-pair", Boolean(compared));
    this.pictures.replaceChildren(...pictures);
    for (const svg of this.pictures.querySelectorAll("svg")) {
      for (const point of svg.querySelectorAll(".w2v-point")) point.dataset.lmSuppressShortcuts = "true";
      const first = svg.querySelector(".w2v-point");
      if (first) first.setAttribute("tabindex", "0");
    }
    this.sentence.textContent = [state.sentence, state.compared && state.compared.sentence].filter(Boolean).join(" ");
  }

  focusedWord() {
    const active = document.activeElement;
    if (!active || !this.root.contains(active)) return null;
    for (const [part, node] of [["point", this.pictures], ["row", this.body], ["trail", this.steps], ["mend", this.problem]]) {
      if (node.contains(active)) return part;
    }
    return null;
  }

  /** What had the focus may be gone with the old answer; it must not fall back to the page. */
  restoreFocus(part) {
    if (part === null || this.root.contains(document.activeElement)) return;
    const place = { point: this.pictures.querySelector(".w2v-point[tabindex='0']"), row: this.body.querySelector("button"), trail: this.steps.querySelector("[aria-current]") }[part];
    (place || this.headline).focus({ preventScroll: true });
  }
}

export default {
  render({ model, el }) {
    const view = new ExplorerView(model, el);
    return () => view.close();
  },
};
