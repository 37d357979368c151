"use strict";
// Draws the table of seats from the data beside it, a page at a time: ten thousand rows would make the page slow.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SIZE = 100; // rows of a page
  const PRINTED = 500; // rows that are printed at most
  const byId = (id) => document.getElementById(id);
  const filters = ["words", "state", "group", "client", "cause"].map(byId);
  const [words, state, group, client, cause] = filters;
  const body = document.querySelector("#table tbody");
  const heads = [...document.querySelectorAll("#table th[data-sort]")];
  const calm = new Set(["compliant", "changed", "waived"]);
  const say = (key, values = {}) => data.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  let rows = data.rows;
  let page = 0;
  let size = SIZE;
  let sort = { key: "", down: false };

  // Text goes into the page as text only: no name can become an element.
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const mark = (code) => {
    const sign = make("span", { "aria-hidden": "true" }, data.signs[code]);
    return make("span", { class: `state ${code}` }, sign, `\u00a0${data.states[code]}`);
  };

  const haystack = (row) => {
    row.hay ??= plain([row.host, row.login, row.person, row.jid, row.client, row.version, ...(row.groups ?? [])].join(" "));
    return row.hay;
  };
  const matches = (row, wanted) =>
    (!state.value || (state.value === "ill" ? !calm.has(row.state) : row.state === state.value)) &&
    (!group.value || (row.groups ?? []).includes(group.value)) &&
    (!client.value || row.client === client.value) &&
    (!cause.value || (row.causes ?? []).some(([code]) => code === cause.value)) &&
    wanted.every((word) => haystack(row).includes(word));

  const order = new Intl.Collator(data.language, { numeric: true });
  const rank = (row) => data.gravity.indexOf(row.state);
  const instant = (row) => (row.since ? row.since.replace(/^(\d\d)\/(\d\d)\/(\d{4})/, "$3-$2-$1") : "");
  const compare = (one, other) => {
    if (sort.key === "state") return rank(one) - rank(other);
    if (sort.key === "since") return instant(one) < instant(other) ? -1 : instant(one) > instant(other) ? 1 : 0;
    return order.compare(one[sort.key] ?? "", other[sort.key] ?? "");
  };

  const update = () => {
    const wanted = plain(words.value).split(/\s+/).filter(Boolean);
    rows = data.rows.filter((row) => matches(row, wanted));
    if (sort.key) rows.sort((one, other) => (sort.down ? -1 : 1) * compare(one, other));
    page = 0;
    draw();
  };

  const draw = () => {
    const pages = Math.max(1, Math.ceil(rows.length / size));
    body.replaceChildren(...rows.slice(page * size, (page + 1) * size).flatMap(lines));
    byId("count").textContent = say("shown", { shown: rows.length, seats: data.rows.length });
    byId("page").textContent = say("page", { page: page + 1, pages });
    byId("previous").disabled = page === 0;
    byId("next").disabled = page + 1 >= pages;
    for (const head of heads) {
      if (head.dataset.sort === sort.key) head.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  };

  const WIDTH = String(heads.length + 1);
  const lines = (row) => {
    const button = make("button", { type: "button", class: "open", "aria-expanded": "false" }, row.host);
    const own = (row.causes ?? []).filter(([, , , shared]) => !shared);
    const short = [...new Set(own.map(([code]) => data.causes[code]))];
    const beside = [row.last && `${say("last_state")} : ${row.last}`, ...(row.expired ?? [])];
    const cells = [row.login, row.person, row.client, row.version ?? "–", mark(row.state), (row.since ?? "–").slice(0, 10)];
    const element = make("tr", {}, make("th", { scope: "row" }, button), ...cells.map((cell) => make("td", {}, cell)));
    element.append(make("td", {}, make("p", {}, short.join(" ") || "–"), ...notes(beside)));
    // On paper no detail can be opened: a line of its own says what, and what to do.
    const remedy = calm.has(row.state) ? "" : shared(row, "remedy");
    const long = notes([...causes(own, 3), remedy && `→ ${remedy}`, ...beside]);
    const paper = make("tr", { class: "paper" }, make("td", { colspan: WIDTH }, ...long));
    let drill = null;
    button.addEventListener("click", () => {
      const isOpen = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!isOpen));
      if (isOpen) drill.remove();
      else element.after((drill = make("tr", { class: "drill" }, make("td", { colspan: WIDTH }, details(row)))));
    });
    return long.length ? [element, paper] : [element];
  };
  const notes = (sentences) => sentences.filter(Boolean).map((sentence) => make("p", { class: "note" }, sentence));

  const shared = (row, key) => (key in row ? data.texts[row[key]] : "");
  const causes = (found, most = Infinity) =>
    found.map(([code, path, items = []]) => {
      const left = items.length > most ? [`… (+${items.length - most})`] : [];
      const about = [path, [...items.slice(0, most), ...left].join(", ")].filter(Boolean).join(" : ");
      return about ? `${data.causes[code]} (${about})` : data.causes[code];
    });

  const details = (row) => {
    const list = make("dl");
    const add = (key, ...parts) => {
      const said = parts.filter(Boolean);
      if (said.length) list.append(make("dt", {}, say(key)), make("dd", {}, ...said.map((part) => make("p", {}, part))));
    };
    add("why", ...causes(row.causes ?? []));
    add("since", row.since);
    add("remedy", shared(row, "remedy"));
    add("detail", shared(row, "detail"));
    add("last_state", row.last);
    add("waiver_title", row.waiver, ...(row.expired ?? []));
    add("lab", (row.groups ?? []).join(", "));
    add("account", [row.jid, row.verdict].filter(Boolean).join(" : "), shared(row, "hint"));
    add("documents", ...(row.documents ?? []).map((parts) => parts.filter(Boolean).join(" · ")));
    add("findings", ...(row.findings ?? []));
    add("warnings", ...(row.warnings ?? []));
    const box = make("div", {}, list);
    for (const [path, lines] of row.diff ?? []) {
      box.append(make("p", {}, say("difference", { path })));
      const kind = (text) => (text[0] === "-" ? "gone" : text[0] === "+" ? "new" : "same");
      box.append(make("pre", {}, ...lines.map((text) => make("span", { class: kind(text) }, text === "@" ? "…" : text || " "))));
    }
    if (row.cut) box.append(make("p", {}, say("cut")));
    return box;
  };

  const turn = (step) => {
    page += step;
    draw();
    byId("table").scrollIntoView({ block: "start" });
  };
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  for (const filter of filters) filter.addEventListener("input", update);
  const form = document.querySelector("form");
  form.addEventListener("reset", () => setTimeout(update));
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const head of heads) {
    head.addEventListener("click", () => {
      sort = { key: head.dataset.sort, down: sort.key === head.dataset.sort && !sort.down };
      update();
    });
  }
  for (const link of document.querySelectorAll("a[data-state], a[data-group], a[data-cause]")) {
    link.addEventListener("click", () => {
      for (const filter of filters) filter.value = link.dataset[filter.id] ?? "";
      update();
    });
  }
  addEventListener("beforeprint", () => {
    [page, size] = [0, PRINTED];
    draw();
  });
  addEventListener("afterprint", () => {
    [page, size] = [0, SIZE];
    draw();
  });

  byId("live").hidden = false;
  update();
})();
