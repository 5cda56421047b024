"use strict";
// Without this the page lacks the search field, and an address with a case's id leads to it unopened.
const search = document.getElementById("search");
search.hidden = false;
search.addEventListener("input", () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  document.body.classList.toggle("searching", words.length > 0);
  for (const one of document.querySelectorAll(".case")) {
    const text = one.textContent.toLowerCase();
    one.classList.toggle("found", words.every((word) => text.includes(word)));
  }
});
const unfold = () => {
  const one = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!one || !one.classList.contains("case")) return;
  for (const outcome of one.classList) {
    const box = document.getElementById("show-" + outcome);
    if (box) box.checked = true;
  }
  one.open = true;
  one.scrollIntoView();
};
addEventListener("hashchange", unfold);
unfold();
