/** Attribute rules as rows of a form, and back. */

/** @typedef {{name: string, type: string, required: boolean, choices: string, unit: string, min: string, max: string}} RuleRow */

/** @param {Record<string, any> | null | undefined} rules @returns {RuleRow[]} */
export const rowsOf = (rules) =>
  Object.entries(rules ?? {}).map(([name, rule]) => ({
    name,
    type: rule.type ?? "",
    required: Boolean(rule.required),
    choices: (rule.choices ?? []).join("\n"),
    unit: rule.unit ?? "",
    min: rule.min === undefined ? "" : String(rule.min),
    max: rule.max === undefined ? "" : String(rule.max),
  }));

/** @param {RuleRow[]} rows @returns {Record<string, any>} */
export function rulesOf(rows) {
  /** @type {Record<string, any>} */
  const rules = {};
  for (const { name, type, required, choices, unit, min, max } of rows) {
    if (!name.trim()) continue;
    const list = choices.split("\n").map((each) => each.trim()).filter(Boolean);
    rules[name.trim()] = {
      ...(type && { type }),
      ...(required && { required }),
      ...(list.length && { choices: list.map((each) => typed(each, type)) }),
      ...(unit.trim() && { unit: unit.trim() }),
      ...(min.trim() && { min: numeric(min) }),
      ...(max.trim() && { max: numeric(max) }),
    };
  }
  return rules;
}

/** @param {string} text @param {string} type */
function typed(text, type) {
  if (type === "boolean") return text === "true" ? true : text === "false" ? false : text;
  return type === "integer" || type === "number" ? numeric(text) : text;
}

/** A number, or the text as it is: the service says what is wrong with it. @param {string} text */
const numeric = (text) => (Number.isFinite(Number(text)) ? Number(text) : text.trim());
