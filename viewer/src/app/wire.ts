/** The shapes of the archive's own JSON (`/api`), spelled as they travel. */

export type LanguageCode = 'vi' | 'en';

export interface SessionInfo {
  user_name: string;
  display_name: string;
  role: string;
  rights: string[];
  language: LanguageCode | null;
}

export interface PublicInfo {
  name: string;
  language: LanguageCode;
  version: string;
  auth: 'required' | 'none';
}

export interface ArchiveInfo {
  name: string;
  ae_title: string;
  dicom_host: string;
  dicom_port: number;
  language: LanguageCode;
  timezone: string;
  version: string;
  study_count: number;
  storage: { free_bytes: number; total_bytes: number } | null;
}

export interface StudyRow {
  study_instance_uid: string;
  patient_name: string;
  patient_id: string;
  patient_birth_date: string | null;
  patient_sex: string | null;
  accession_number: string | null;
  study_date: string | null;
  study_time: string | null;
  study_description: string | null;
  study_id: string | null;
  modalities: string[];
  body_parts: string[];
  referring_physician_name: string | null;
  institution_name: string | null;
  department: string | null;
  station_name: string | null;
  series_count: number;
  instance_count: number;
  received_at: string | null;
  changed_at: string | null;
  receiving: boolean;
  size_bytes: number;
  demographics_conflict: boolean;
}

export interface Cover {
  sop_instance_uid: string;
  sop_class_uid: string;
  frame: number;
}

export interface SeriesRow {
  series_instance_uid: string;
  modality: string | null;
  series_number: number | null;
  series_description: string | null;
  body_part_examined: string | null;
  laterality: string | null;
  instance_count: number;
  frame_count: number;
  series_date: string | null;
  series_time: string | null;
  station_name: string | null;
  protocol_name: string | null;
  revision: number;
  cover: Cover | null;
  sop_class_uids: string[];
  transfer_syntax_uids: string[];
  size_bytes: number;
}

export interface StudyDetail extends StudyRow {
  series: SeriesRow[];
  priors: StudyRow[];
}

export interface StudyPage {
  studies: StudyRow[];
  total: number;
  next_cursor: string | null;
}

export interface Change {
  cursor: number;
  kind: 'study_added' | 'study_changed' | 'study_removed';
  study_instance_uid: string;
  at: string;
}

export interface ChangePage {
  changes: Change[];
  cursor: number;
}
