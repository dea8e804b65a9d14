/** Keeps the studies looked at last, so that a quick look from an open row needs no second question. */
import { getJson } from './api';
import { onSessionEnd } from './session';
import type { StudyDetail } from './wire';

const KEPT = 20;
const recent = new Map<string, StudyDetail>();

export async function fetchStudy(studyInstanceUid: string, signal?: AbortSignal): Promise<StudyDetail> {
  const detail = await getJson<StudyDetail>(`/api/studies/${encodeURIComponent(studyInstanceUid)}`, signal);
  recent.delete(studyInstanceUid);
  recent.set(studyInstanceUid, detail);
  for (const uid of [...recent.keys()].slice(0, -KEPT)) recent.delete(uid);
  return detail;
}

/** What was known of the study a moment ago, or null. */
export function recentStudy(studyInstanceUid: string): StudyDetail | null {
  return recent.get(studyInstanceUid) ?? null;
}

// Patients' data does not outlive the session.
onSessionEnd(() => recent.clear());
