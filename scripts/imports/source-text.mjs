// A source file as three texts of one length, so that an index means the same place in each:
//
//     source   const at = Date.now() // was '12'
//     code     const at = Date.now()                     comments blanked
//     bare     the same, and what strings and regular expressions spell is blanked as well; `${…}` in a template stays
//
// No parser: the checks run in a second, without a TypeScript that must understand the newest syntax first.

/** After these a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{;+\-*%~^<>]|\b(?:return|typeof|case|in|of|void|yield|await|do|else))$/

/**
 * @param {string} source
 * @returns {{ code: string, bare: string }}
 */
export function blank(source) {
  const code = source.split('')
  const bare = source.split('')
  const erase = (text, from, to) => {
    for (let i = from; i < to; i++) if (text[i] !== '\n') text[i] = ' '
  }

  let at = 0
  let significant = '' // the last few characters that are neither space nor comment
  /** Depth of braces inside each template expression that is open. */
  const templates = []

  while (at < source.length) {
    const char = source[at]
    const two = source.slice(at, at + 2)
    let end = at + 1
    if (two === '//' || two === '/*' || (at === 0 && two === '#!')) {
      end = two === '/*' ? after(source, '*/', at + 2) : lineEnd(source, at)
      erase(code, at, end)
      erase(bare, at, end)
    } else if (char === "'" || char === '"') {
      end = stringEnd(source, at)
      erase(bare, at + 1, end - 1)
      significant = char
    } else if (char === '`' || (char === '}' && templates.at(-1) === 0)) {
      if (char === '}') templates.pop()
      end = templatePartEnd(source, at + 1)
      const opens = source[end - 1] === '{'
      erase(bare, at + 1, opens ? end - 2 : end - 1)
      if (opens) templates.push(0)
      significant = opens ? '{' : '`'
    } else if (char === '/' && BEFORE_REGEX.test(significant)) {
      end = regexEnd(source, at)
      erase(bare, at + 1, end - 1)
      significant = '/'
    } else if (!/\s/.test(char)) {
      if (templates.length > 0 && char === '{') templates[templates.length - 1]++
      if (templates.length > 0 && char === '}') templates[templates.length - 1]--
      // Words keep apart from what stood before them, so that `x in` is no name that ends in `in`.
      significant = /\w/.test(char) && !/\w/.test(source[at - 1] ?? '') ? ` ${char}` : (significant + char).slice(-12)
    }
    at = end
  }
  return { code: code.join(''), bare: bare.join('') }
}

const after = (source, mark, from) => {
  const found = source.indexOf(mark, from)
  return found === -1 ? source.length : found + mark.length
}

const lineEnd = (source, from) => {
  const found = source.indexOf('\n', from)
  return found === -1 ? source.length : found
}

function stringEnd(source, start) {
  for (let i = start + 1; i < source.length; i++) {
    if (source[i] === '\\') i++
    else if (source[i] === source[start] || source[i] === '\n') return i + 1
  }
  return source.length
}

/** The index after the closing backtick, or after the `${` that interrupts the text. */
function templatePartEnd(source, start) {
  for (let i = start; i < source.length; i++) {
    if (source[i] === '\\') i++
    else if (source[i] === '`') return i + 1
    else if (source[i] === '$' && source[i + 1] === '{') return i + 2
  }
  return source.length
}

function regexEnd(source, start) {
  let inClass = false
  for (let i = start + 1; i < source.length; i++) {
    if (source[i] === '\\') i++
    else if (source[i] === '[') inClass = true
    else if (source[i] === ']') inClass = false
    else if ((source[i] === '/' && !inClass) || source[i] === '\n') return i + 1
  }
  return source.length
}

/** Line of an index, from 1. */
export const lineOf = (source, index) => source.slice(0, index).split('\n').length
