import { describe, expect, it } from 'vitest';
import { directionLetters, lettersOfPatientOrientation, lettersOfPlane, normalOf, planeOrientation, turnedLetters } from './orientation';

const AXIAL = planeOrientation([1, 0, 0, 0, 1, 0])!;
const SAGITTAL = planeOrientation([0, 1, 0, 0, 0, -1])!;

describe('letters', () => {
  it('name the sides of an axial and a sagittal plane', () => {
    expect(lettersOfPlane(AXIAL)).toEqual({ top: 'A', right: 'L', bottom: 'P', left: 'R' });
    expect(lettersOfPlane(SAGITTAL)).toEqual({ top: 'H', right: 'P', bottom: 'F', left: 'A' });
  });

  it('name two axes, the stronger first, when a direction leans between them', () => {
    expect(directionLetters([0.8, -0.6, 0])).toBe('LA');
    expect(directionLetters([-0.6, 0, 0.8])).toBe('HR');
  });

  it('do not mention a gantry tilt', () => {
    expect(directionLetters([0, 0.948, -0.317])).toBe('P');
  });

  it('come from Patient Orientation where there is no plane', () => {
    expect(lettersOfPatientOrientation(['L', 'F'])).toEqual({ top: 'H', right: 'L', bottom: 'F', left: 'R' });
    expect(lettersOfPatientOrientation(['PR', 'F'])).toEqual({ top: 'H', right: 'PR', bottom: 'F', left: 'AL' });
  });

  it('follow the image when it is flipped and turned', () => {
    const letters = lettersOfPlane(AXIAL);
    expect(turnedLetters(letters, { flipped: true, quarterTurns: 0 })).toEqual({ top: 'A', right: 'R', bottom: 'P', left: 'L' });
    expect(turnedLetters(letters, { flipped: false, quarterTurns: 1 })).toEqual({ top: 'R', right: 'A', bottom: 'L', left: 'P' });
    expect(turnedLetters(letters, { flipped: false, quarterTurns: -4 })).toEqual(letters);
  });
});

describe('a plane', () => {
  it('has a normal by the right hand', () => {
    expect(normalOf(AXIAL)).toEqual([0, 0, 1]);
  });

  it('is refused when it is not one', () => {
    expect(planeOrientation([0, 0, 0, 0, 0, 0])).toBeNull();
    expect(planeOrientation([1, 0, 0])).toBeNull();
  });
});
