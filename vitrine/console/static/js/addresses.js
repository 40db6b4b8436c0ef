/** The address of each service, as far as it is known: commands that are copied go there. */

/** @type {Map<string, string>} */
export const addresses = new Map();
