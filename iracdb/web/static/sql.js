// Names of the schema become buttons that write them into the query, where the cursor stands.
// Without this script they are words to be copied. Ctrl-Enter carries the query out.
"use strict";

const query = document.getElementById("query");

for (const name of document.querySelectorAll(".schema code.name")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "name";
  button.textContent = name.textContent;
  button.title = "Write it into the query";
  button.addEventListener("click", () => {
    query.setRangeText(name.textContent, query.selectionStart, query.selectionEnd, "end");
    query.focus();
  });
  name.replaceWith(button);
}

query.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) query.form.requestSubmit();
});
