// A function that does nothing: what the platform costs.

export const openFunction = () => Object.assign(async () => ({ reply: 0 }), { close: async () => undefined })
