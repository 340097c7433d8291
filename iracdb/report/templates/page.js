"use strict";
// Tables may be sorted and filtered; without this script they are complete, in the run's order.
for (const grid of document.querySelectorAll(".grid.large")) {
  const body = grid.querySelector("tbody");
  const heads = [...grid.querySelectorAll("thead th")];
  const rows = [...body.rows];
  const value = (row, place) => {
    const cell = row.cells[place];
    const exact = cell.querySelector("data");
    const text = exact ? exact.value : cell.textContent.trim();
    return { text: text === "–" ? "" : text, number: text === "" ? NaN : Number(text) };
  };
  const sort = (place) => {
    const rising = heads[place].getAttribute("aria-sort") !== "ascending";
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[place].setAttribute("aria-sort", rising ? "ascending" : "descending");
    const keyed = rows.map((row, order) => ({ row, order, ...value(row, place) }));
    const numbers = keyed.every((one) => one.text === "" || !Number.isNaN(one.number));
    keyed.sort((a, b) => {
      // What has no value stands last either way.
      if (a.text === "" || b.text === "") return (a.text === "") - (b.text === "") || a.order - b.order;
      const by = numbers ? a.number - b.number : a.text.localeCompare(b.text, "en", { numeric: true });
      return (rising ? by : -by) || a.order - b.order;
    });
    body.append(...keyed.map((one) => one.row));
  };
  heads.forEach((head, place) => {
    const title = head.querySelector(".title");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title.textContent;
    button.addEventListener("click", () => sort(place));
    // The plain title stays for paper: browsers print no button in a head that repeats.
    title.classList.add("printed");
    title.after(button);
  });
  const label = document.createElement("label");
  const input = document.createElement("input");
  const told = document.createElement("output");
  label.textContent = "Only rows with ";
  input.type = "search";
  input.placeholder = "an AOR, a target, a mark";
  label.append(input);
  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    told.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
  };
  input.addEventListener("input", filter);
  const line = document.createElement("div");
  line.className = "filter";
  line.append(label, told);
  grid.before(line);
  filter();
}
