// How answers are shown: a table for people, one object for programs.

import { isMet, ratio } from './frame.mjs'

/** `1.23 M`, `45.6 k`, `0.789`: three digits that count. */
export function short(value) {
  const [scaled, suffix] = value >= 1e6 ? [value / 1e6, ' M'] : value >= 1e4 ? [value / 1e3, ' k'] : [value, '']
  const digits = scaled >= 100 ? 0 : scaled >= 10 ? 1 : scaled >= 1 ? 2 : 3
  return scaled.toFixed(digits) + suffix
}

const shown = ({ median, spread }) => `${short(median)} ±${median === 0 ? 0 : Math.round((spread / 2 / median) * 100)}%`

const against = (answer, name) => `${shown(answer.figures[name])} (${short(ratio(answer, name))}x)`

const goalText = (answer, goal) => {
  const bound = answer.question.better === 'more' ? '>=' : '<='
  return `${bound} ${goal.ratio}x ${goal.against}: ${isMet(answer, goal) ? 'met' : 'MISSED'}`
}

const isPeer = name => name !== 'ours' && name !== 'floor'

/**
 * A column for ours, the floor and each peer. In brackets: ours divided by theirs. ± is half the interquartile range.
 * @param {import('./frame.mjs').Answer[]} answers
 * @param {{ goals: boolean }} options
 * @returns {string}
 */
export function table(answers, { goals }) {
  const peers = [...new Set(answers.flatMap(answer => Object.keys(answer.figures).filter(isPeer)))]
  const columns = ['floor', ...peers]
  const rows = answers.map(answer => [
    answer.question.name,
    answer.question.unit,
    shown(answer.figures.ours),
    ...columns.map(name => (answer.figures[name] === undefined ? '' : against(answer, name))),
    (goals ? (answer.question.goals ?? []) : []).map(goal => goalText(answer, goal)).join(', '),
    answer.question.measures,
  ])
  const all = [['result', 'unit', 'ours', ...columns, 'goals', 'what is measured'], ...rows]
  const widths = all[0].map((_, column) => Math.max(...all.map(row => row[column].length)))
  return all
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** What `--json` prints: figures in the unit named, unrounded. */
export const summary = (suite, machine, answers) => ({
  suite,
  ...machine,
  results: answers.map(({ question, figures }) => {
    const { ours, floor, ...peers } = figures
    const result = { name: question.name, unit: question.unit, median: ours.median, spread: ours.spread }
    if (floor !== undefined) result.floor = floor.median
    if (Object.keys(peers).length > 0)
      result.peers = Object.fromEntries(Object.entries(peers).map(([name, { median }]) => [name, median]))
    return result
  }),
})
