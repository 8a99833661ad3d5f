// The browser of items: what is filtered is looked for in the data, and fifty of it are made into elements at a time.
(() => {
  "use strict";
  const { runs, tasks } = JSON.parse(document.getElementById("data").textContent);
  const perPage = 50;
  const root = document.getElementById("browser");
  const state = { task: 0, run: 0, kind: "all", category: "", text: "", page: 0 };

  const make = (tag, props = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), props);
    element.append(...children);
    return element;
  };

  const kinds = {
    all: () => true,
    wrong: answer => answer && answer.score < 1,
    right: answer => answer && answer.score === 1,
    errors: answer => answer && answer.error !== undefined,
    differ: (_, item) => new Set(item.answers.map(answer => answer && answer.score)).size > 1,
  };
  if (runs.length < 2) delete kinds.differ;

  const matches = (item, count) => {
    const text = state.text.toLowerCase();
    return (!state.category || item.category === state.category || item.detail === state.category)
      && kinds[count ?? state.kind](item.answers[state.run], item)
      && (!text || [item.id, item.question, item.expected, ...item.answers.map(answer => answer ? answer.answer : "")].some(part => part.toLowerCase().includes(text)));
  };

  const select = (label, options, value, change) => {
    const element = make("select", { onchange: () => change(element.value), ariaLabel: label });
    for (const [key, text] of options) element.append(make("option", { value: key, textContent: text, selected: String(key) === String(value) }));
    return element;
  };

  const search = make("input", { type: "search", placeholder: "find in prompts and answers", ariaLabel: "text", oninput: () => go({ text: search.value }) });
  const controls = make("div", { className: "controls" });
  const list = make("div");
  root.replaceChildren(controls, list);

  function go(change) {
    Object.assign(state, { page: 0 }, change);
    if (change.task !== undefined) Object.assign(state, { category: "" });
    show();
  }

  function show() {
    const task = tasks[state.task];
    const found = task.items.filter(item => matches(item));
    const pages = Math.max(1, Math.ceil(found.length / perPage));
    const shown = found.slice(state.page * perPage, (state.page + 1) * perPage);
    showControls(task, found.length, pages);
    list.replaceChildren(...(shown.length ? shown.map(item => card(task, item)) : [make("p", { className: "none", textContent: "No item is like that." })]));
  }

  function showControls(task, count, pages) {
    const parts = [];
    if (tasks.length > 1) parts.push(select("task", tasks.map((one, i) => [i, one.name]), state.task, value => go({ task: +value })));
    if (runs.length > 1) parts.push(select("run", runs.map((name, i) => [i, "answers of " + name]), state.run, value => go({ run: +value })));
    const buttons = make("span", { className: "kinds" });
    for (const kind of Object.keys(kinds)) {
      const number = task.items.filter(item => matches(item, kind)).length;
      buttons.append(make("button", { type: "button", textContent: `${kind} ${number.toLocaleString("en")}`, ariaPressed: String(kind === state.kind), onclick: () => go({ kind }) }));
    }
    parts.push(buttons);
    const categories = new Set();
    for (const item of task.items) for (const name of [item.category, item.detail]) if (name) categories.add(name);
    if (categories.size > 1) parts.push(select("category", [["", "all categories"], ...[...categories].sort().map(name => [name, name])], state.category, value => go({ category: value })));
    const turn = by => () => { state.page += by; show(); root.scrollIntoView(); };
    const from = state.page * perPage;
    const pager = make("span", { className: "pager" },
      make("button", { type: "button", textContent: "‹", ariaLabel: "the page before", disabled: state.page === 0, onclick: turn(-1) }),
      `${count ? from + 1 : 0}–${Math.min(count, from + perPage)} of ${count.toLocaleString("en")}`,
      make("button", { type: "button", textContent: "›", ariaLabel: "the next page", disabled: state.page >= pages - 1, onclick: turn(1) }));
    const focused = document.activeElement === search;
    controls.replaceChildren(...parts, search, pager);
    if (focused) search.focus();
  }

  function card(task, item) {
    const pictures = make("div", { className: item.images.length > 1 ? "pictures many" : "pictures" });
    item.images.forEach((number, i) => pictures.append(make("img", {
      src: task.thumbnails[number], alt: item.files[i] ?? "", title: item.files[i] ?? "", loading: "lazy",
      onload: event => { if (event.target.naturalWidth < 100) event.target.classList.add("tiny"); },
      onclick: event => event.target.classList.toggle("large"),
    })));
    const head = make("p", { className: "head" }, make("span", { textContent: item.id }));
    for (const name of [item.category, item.detail]) if (name) head.append(make("span", { textContent: name }));
    const answers = make("dl", { className: "answers" }, make("dt", { textContent: "expected" }), make("dd"), make("dd", { textContent: item.expected }));
    item.answers.forEach((answer, i) => {
      if (!answer) return;
      const kind = answer.score === 1 ? "right" : answer.score === 0 ? "wrong" : "part";
      const mark = answer.score === 1 ? "✓" : answer.score === 0 ? "✗" : answer.score.toFixed(2);
      const said = make("dd", { textContent: answer.error ? answer.error : answer.answer.trim() || "(nothing)" });
      if (answer.error) said.className = "wrong";
      if (answer.extracted !== undefined) said.append(make("span", { className: "read", textContent: `  read as ${answer.extracted || "nothing"}` }));
      answers.append(make("dt", { className: `who run${i % 6}`, textContent: runs.length > 1 ? runs[i] : "answer" }), make("dd", { className: `score ${kind}`, textContent: answer.error ? "✗ error" : mark }), said);
    });
    const body = make("div", {}, head, make("p", { className: "question", textContent: item.question }), answers);
    return item.images.length ? make("article", { className: "item" }, pictures, body) : make("article", { className: "item bare" }, body);
  }

  show();
})();
