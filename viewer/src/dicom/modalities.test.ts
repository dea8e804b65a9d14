import { expect, it } from 'vitest';
import { imagesFirst, mayHavePicture } from './modalities';

it('puts the machine before what was derived from its images', () => {
  expect(imagesFirst(['SR', 'SEG', 'CT', 'PR'])).toEqual(['CT', 'SR', 'SEG', 'PR']);
  expect(imagesFirst(['OT'])).toEqual(['OT']);
});

it('knows which studies have no picture at all', () => {
  expect(mayHavePicture(['SR', 'KO'])).toBe(false);
  expect(mayHavePicture(['SR', 'CT'])).toBe(true);
  expect(mayHavePicture([])).toBe(true);
});
