/** The list as it was left, so that coming back from an image finds the same row in the same place. */
import { onSessionEnd } from '../app/session';
import { hospitalClock } from './clock';
import { StudyList } from './study_list';

export interface Memory {
  readonly list: StudyList;
  selection: { uid: string; open: boolean };
  scrollTop: number;
}

let memory: Memory | null = null;

export function worklistMemory(): Memory {
  memory ??= { list: new StudyList(() => hospitalClock.today()), selection: { uid: '', open: false }, scrollTop: 0 };
  return memory;
}

// Patients' data does not outlive the session.
onSessionEnd(() => {
  memory = null;
});
