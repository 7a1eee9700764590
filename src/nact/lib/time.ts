/** nact's units: what is written `5 * minutes` is in ms, and `10 * messages` is a number of messages. */

export const millisecond = 1
export const milliseconds = millisecond
export const second = 1_000 * milliseconds
export const seconds = second
export const minute = 60 * seconds
export const minutes = minute
export const hour = 60 * minutes
export const hours = hour
export const message = 1
export const messages = message
