"use strict";
const sheet = JSON.parse(document.getElementById("sheet").textContent);
const told = document.getElementById("told");
const fields = new Map();
let unsaved = false;

function made(name, text, kind) {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

function tell() {
  let answered = 0;
  for (const { answer, nothing } of fields.values()) {
    if (answer.value.trim() || nothing.checked) answered += 1;
  }
  told.textContent = `${answered} of ${fields.size} answered${unsaved ? ", not saved yet" : ""}`;
}

function changed() {
  unsaved = true;
  tell();
}

for (const question of sheet.questions) {
  const section = made("section");
  section.append(made("div", `${question.number} of ${sheet.questions.length}`, "number"));
  section.append(made("div", question.question, "asked"));
  const answer = made("textarea");
  answer.setAttribute("aria-label", `Answer to question ${question.number}`);
  const label = made("label");
  const nothing = made("input");
  nothing.type = "checkbox";
  label.append(nothing, " no answer");
  answer.addEventListener("input", changed);
  nothing.addEventListener("change", changed);
  section.append(answer, label);
  fields.set(question.number, { question, answer, nothing });
  document.getElementById("questions").append(section);
}

function filledIn() {
  const answers = [];
  for (const [number, { question, answer, nothing }] of fields) {
    answers.push({
      number, key: question.key, question: question.question,
      answer: answer.value, no_answer: nothing.checked && !answer.value.trim(),
    });
  }
  return JSON.stringify({ sheet: sheet.code, name: sheet.name, answers }, null, 1);
}

document.getElementById("save").addEventListener("click", () => {
  const link = made("a");
  link.href = URL.createObjectURL(new Blob([filledIn()], { type: "application/json" }));
  link.download = `${(sheet.name || "answers").replace(/[^A-Za-z0-9._-]+/g, "-")}.sheet.json`;
  document.body.append(link);
  link.click();
  link.remove();
  unsaved = false;
  tell();
});

document.getElementById("load").addEventListener("change", async (event) => {
  const file = event.target.files[0];
  event.target.value = "";
  if (!file) return;
  if (unsaved && !confirm("What is typed here is not saved. Put the file's answers in its place?")) return;
  try {
    const saved = JSON.parse(await file.text());
    if (saved.sheet !== sheet.code) throw new Error("it is of another sheet");
    for (const one of saved.answers) {
      const field = fields.get(one.number);
      field.answer.value = one.answer;
      field.nothing.checked = one.no_answer;
    }
    unsaved = false;
    tell();
  } catch (error) {
    told.textContent = `That file can't be read: ${error.message}`;
  }
});

window.addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
tell();
