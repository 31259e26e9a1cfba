// Shared by all widgets of the course: small helpers, no framework, nothing from outside.

const FOCUSABLE = new Set(["button", "input", "select", "summary"]);

/** An element with attributes, listeners (onclick: …) and children. */
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  // Where it has the focus, keys are its own and no shortcuts of the notebook.
  if (FOCUSABLE.has(tag) || "tabindex" in attributes) node.dataset.lmSuppressShortcuts = "true";
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null));
  return node;
}

// Every widget loads a copy of this module, and all of them stand in one page.
const copy = Math.random().toString(36).slice(2, 10);
let counter = 0;
const unique = (name) => `w2v-${copy}-${name}-${++counter}`;

/** Messages to the kernel that are answered, and what to say when nobody answers. */
class Wire {
  constructor(model, root, silent = SILENT) {
    this.model = model;
    this.root = root;
    this.silent = silent; // what to say when nobody answers
    this.view = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    this.waiting = new Map();
    this.number = 0;
    this.notice = h("div", { class: "w2v-notice", role: "status" });
    this.alarm = h("div", { class: "w2v-alarm", role: "alert" });
    root.append(this.notice, this.alarm);
    this.onmessage = (message) => this.receive(message);
    this.onstatus = () => this.say(GONE);
    model.on("msg:custom", this.onmessage);
    model.on("comm_live_update", this.onstatus);
    this.showError = () => this.error(model.get("error"));
    model.on("change:error", this.showError);
    this.showError();
    this.heard = 0; // the newest message that was answered
    this.greet(3);
  }

  /** Sees whether somebody is there; a first word may be lost while the line is being laid. */
  greet(times) {
    this.ask("hello", {}, times > 1 ? 2500 : 5000, times === 1).catch(() => times > 1 && !this.heard && this.greet(times - 1));
  }

  say(text) {
    if (this.notice.textContent !== text) this.notice.textContent = text;
  }

  error(error) {
    this.alarm.replaceChildren();
    if (!error || !error.message) return;
    const details = h("details", {}, h("summary", {}, "What happened"), h("pre", { tabindex: 0 }, error.details));
    this.alarm.append(h("strong", {}, "Something went wrong in this widget: "), error.message, details);
  }

  /** Sends a message and promises the kernel's answer. */
  ask(what, content = {}, patience = 10000, complain = true) {
    const number = ++this.number;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(number);
        if (complain && this.heard < number) this.say(this.silent);
        reject(new Error("no answer"));
      }, patience);
      this.waiting.set(number, { resolve, timer });
      try {
        const sent = this.model.send({ do: what, ...content, view: this.view, number });
        if (sent && sent.catch) sent.catch(() => this.say(GONE));
      } catch {
        this.say(GONE);
      }
    });
  }

  /**
   * Says a thing again and again until the kernel answers, or until something else is wished for.
   *
   * What is said before the page has its own line to the kernel, beside the running cell, waits for
   * the cell's end; on a busy machine the line takes some seconds to be laid.  So the thing must be
   * such that it does no harm when heard twice, and late.
   */
  insist(what, content = {}, times = 15) {
    const wish = (this.wish = {});
    const attempt = (left) =>
      this.ask(what, content, 2000, left === times - 5).catch(() => left > 1 && wish === this.wish && attempt(left - 1));
    attempt(times);
  }

  receive(message) {
    if (message.view !== this.view) return;
    this.heard = Math.max(this.heard, message.number);
    this.root.dataset.ready = "yes";
    const waiting = this.waiting.get(message.number);
    if (!waiting) return;
    clearTimeout(waiting.timer);
    this.waiting.delete(message.number);
    this.say("");
    waiting.resolve(message);
  }

  close() {
    this.model.off("msg:custom", this.onmessage);
    this.model.off("comm_live_update", this.onstatus);
    this.model.off("change:error", this.showError);
    for (const { timer } of this.waiting.values()) clearTimeout(timer);
  }
}

const GONE = "The kernel has gone, so nothing here can answer. Run the cell again.";
const SILENT = "The kernel does not answer: it is busy with another cell, or it has gone.";

/** The root of a widget: keys typed in it are not the notebook's shortcuts. */
function makeRoot(el, name) {
  // A group and no section: several widgets of one name must not make landmarks that look alike.
  const root = h("div", { class: `w2v w2v-live w2v-${name}`, role: "group", "data-lm-suppress-shortcuts": "true" });
  el.append(root);
  return root;
}

/** Puts a file into the reader's download folder. */
function download(name, type, content) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** An SVG text as a PNG of twice its size. */
async function asPng(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = h("canvas", { width: 2 * image.width, height: 2 * image.height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** A group of radio buttons that looks like one switch. */
function choice(legend, options, onchange) {
  const name = unique("choice");
  const inputs = new Map();
  const labels = options.map(([value, text, title]) => {
    const input = h("input", { type: "radio", name, value, onchange: () => onchange(value) });
    inputs.set(value, input);
    return h("label", { title }, input, h("span", {}, text));
  });
  const node = h("fieldset", { class: "w2v-choice" }, h("legend", {}, legend), h("div", {}, labels));
  node.set = (value) => inputs.get(value) && (inputs.get(value).checked = true);
  node.enable = (value, enabled) => (inputs.get(value).disabled = !enabled);
  return node;
}
