/** Which side of the patient an edge of the image shows (PS3.3 C.7.6.1.1.1 and C.7.6.2.1.1). */

export type Vector = readonly [number, number, number];

/** Towards the right edge of the image, and towards its bottom edge. */
export interface PlaneOrientation {
  readonly row: Vector;
  readonly column: Vector;
}

export interface EdgeLetters {
  readonly top: string;
  readonly right: string;
  readonly bottom: string;
  readonly left: string;
}

export const NO_LETTERS: EdgeLetters = { top: '', right: '', bottom: '', left: '' };

/** An axis is named when the direction leans on it by more than 25 degrees. */
const LEANING = Math.sin((25 * Math.PI) / 180);
const AXES = [
  ['L', 'R'],
  ['P', 'A'],
  ['H', 'F'],
] as const;
const OPPOSITE: Record<string, string> = { L: 'R', R: 'L', A: 'P', P: 'A', H: 'F', F: 'H' };

/** The letters of a direction, the strongest first: L R A P H F. */
export function directionLetters(direction: Vector): string {
  return direction
    .map((value, axis) => ({ size: Math.abs(value), letter: AXES[axis]![value >= 0 ? 0 : 1] }))
    .filter(({ size }) => size > LEANING)
    .sort((a, b) => b.size - a.size)
    .map(({ letter }) => letter)
    .join('');
}

export function oppositeLetters(letters: string): string {
  return Array.from(letters, (letter) => OPPOSITE[letter] ?? letter).join('');
}

export function lettersOfPlane(plane: PlaneOrientation): EdgeLetters {
  return lettersOf(directionLetters(plane.row), directionLetters(plane.column));
}

/** From the two values of Patient Orientation: along the rows, and along the columns. */
export function lettersOfPatientOrientation(values: readonly string[]): EdgeLetters {
  const [row = '', column = ''] = values;
  return lettersOf(row, column);
}

function lettersOf(right: string, bottom: string): EdgeLetters {
  return { top: oppositeLetters(bottom), right, bottom, left: oppositeLetters(right) };
}

/** The letters after a left-right flip of the image and then clockwise quarter turns. */
export function turnedLetters(letters: EdgeLetters, view: { flipped: boolean; quarterTurns: number }): EdgeLetters {
  let turned = view.flipped ? { ...letters, left: letters.right, right: letters.left } : letters;
  for (let i = 0; i < ((view.quarterTurns % 4) + 4) % 4; i++) {
    turned = { top: turned.left, right: turned.top, bottom: turned.right, left: turned.bottom };
  }
  return turned;
}

export function planeOrientation(values: readonly number[]): PlaneOrientation | null {
  if (values.length !== 6 || !values.every(Number.isFinite)) return null;
  const [a, b, c, d, e, f] = values as [number, number, number, number, number, number];
  const plane: PlaneOrientation = { row: [a, b, c], column: [d, e, f] };
  // All zeros is what some machines write for "unknown".
  return length(normalOf(plane)) > 0.5 ? plane : null;
}

export function normalOf({ row, column }: PlaneOrientation): Vector {
  return [
    row[1] * column[2] - row[2] * column[1],
    row[2] * column[0] - row[0] * column[2],
    row[0] * column[1] - row[1] * column[0],
  ];
}

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function length(vector: Vector): number {
  return Math.sqrt(dot(vector, vector));
}
