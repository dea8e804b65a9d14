import { describe, expect, it } from 'vitest';
import { dayRange, filtersToAddress, filtersToQuestion, isChipPressed, NO_FILTERS, parseFilters, sortedBy, toggledChip, type Filters } from './filters';

const FULL: Filters = {
  words: 'đặng hữu',
  days: 'week',
  modalities: ['DX', 'CR'],
  sort: { key: 'patient_name', descending: false },
};

describe('the address', () => {
  it('carries the filters there and back', () => {
    const address = filtersToAddress(FULL);
    expect(parseFilters(new URL(address, 'http://x').search)).toEqual(FULL);
  });

  it('is plain when nothing is filtered', () => {
    expect(filtersToAddress(NO_FILTERS)).toBe('/');
    expect(parseFilters('')).toEqual(NO_FILTERS);
  });

  it('cannot smuggle in what is not a filter', () => {
    expect(parseFilters('?days=forever&sort=-password&modality=<b>&modality=CT')).toEqual({ ...NO_FILTERS, modalities: ['CT'] });
  });
});

describe('the question', () => {
  it('spells days as dates, both included', () => {
    const question = filtersToQuestion(FULL, '2026-03-03');
    expect(question.get('from')).toBe('2026-02-25');
    expect(question.get('to')).toBe('2026-03-03');
    expect(question.get('q')).toBe('đặng hữu');
    expect(question.getAll('modality')).toEqual(['DX', 'CR']);
    expect(question.get('sort')).toBe('patient_name');
  });

  it('asks for everything, newest first, by default', () => {
    expect(filtersToQuestion(NO_FILTERS, '2026-03-03').toString()).toBe('sort=-study_date');
  });
});

describe('days', () => {
  it('cross months and years', () => {
    expect(dayRange('today', '2026-01-01')).toEqual({ from: '2026-01-01', to: '2026-01-01' });
    expect(dayRange('yesterday', '2026-01-01')).toEqual({ from: '2025-12-31', to: '2025-12-31' });
    expect(dayRange('week', '2024-03-01')).toEqual({ from: '2024-02-24', to: '2024-03-01' });
    expect(dayRange('all', '2026-01-01')).toBeNull();
  });
});

describe('sorting by a column', () => {
  it('turns round on the second click', () => {
    const first = sortedBy(NO_FILTERS.sort, 'patient_name');
    expect(first).toEqual({ key: 'patient_name', descending: false });
    expect(sortedBy(first, 'patient_name')).toEqual({ key: 'patient_name', descending: true });
  });

  it('begins with the newest and the largest', () => {
    expect(sortedBy(NO_FILTERS.sort, 'instance_count').descending).toBe(true);
    expect(sortedBy(NO_FILTERS.sort, 'received_at').descending).toBe(true);
  });
});

describe('chips', () => {
  it('stand for all their codes', () => {
    expect(toggledChip(['CT'], ['DX', 'CR'])).toEqual(['CT', 'DX', 'CR']);
    expect(toggledChip(['CT', 'DX', 'CR'], ['DX', 'CR'])).toEqual(['CT']);
    expect(isChipPressed(['DX'], ['DX', 'CR'])).toBe(false);
  });
});
