/* To the search a dash before a word means: without it. Here it is how options are written. */
addEventListener("input", (typed) => {
  const box = typed.target;
  if (box.name === "query") box.value = box.value.replace(/(^|\s)-+/g, "$1");
}, true);
