import { describe, expect, it } from 'vitest';
import { parseRoute, safeNext } from './router';

describe('an address', () => {
  it('names its page', () => {
    expect(parseRoute({ path: '/', query: '?q=x' })).toEqual({ page: 'worklist' });
    expect(parseRoute({ path: '/study/1.2.840.1', query: '' })).toEqual({ page: 'study', studyInstanceUid: '1.2.840.1' });
    expect(parseRoute({ path: '/sign-in', query: '?next=%2Fstudy%2F1.2' })).toEqual({ page: 'sign-in', next: '/study/1.2' });
    expect(parseRoute({ path: '/nowhere', query: '' })).toEqual({ page: 'unknown' });
  });
});

describe('where to go after signing in', () => {
  it('stays inside the viewer', () => {
    expect(safeNext('/?q=an')).toBe('/?q=an');
    expect(safeNext('//evil.example')).toBe('/');
    expect(safeNext('/\\evil.example')).toBe('/');
    expect(safeNext('https://evil.example')).toBe('/');
    expect(safeNext('javascript:alert(1)')).toBe('/');
    expect(safeNext(null)).toBe('/');
  });

  it('does not go round in a circle', () => {
    expect(safeNext('/sign-in?next=/sign-in')).toBe('/');
  });
});
