//! What people wrote into the legacy system's free text.

/// From conversations. None says anything about a state.
pub(super) const REMARKS: &[&str] = &[
    "Please check the contact between 11 and 12.",
    "Patient reports mild soreness after the third wire.",
    "Scan retaken, the first one had a gap on the left side.",
    "Can we move the follow-up to next week?",
    "Molds were fine. Thank you!",
    "下顎のスキャンを再送してください。",
    "次回の予約は来週です。",
    "กรุณาส่งภาพถ่ายเพิ่มเติม",
    "ผู้ป่วยสะดวกช่วงบ่าย",
    "Files are under c:\\scans\\upper, see also the second folder.",
    "Two questions:\n1) torque on 21?\n2) keep the midline?",
    "Column\tvalues\tpasted from a sheet",
    "She said \"it's fine\" – we'll see 🙂",
    "Überprüfen: Abstand 0,2 mm",
];

/// From conversations, where the state of an order is hidden in words.
pub(super) const STATES_IN_WORDS: &[&str] = &[
    "Status changed to shipped, tracking to follow.",
    "status changed: on hold until the new scan arrives",
    "STATUS CHANGED -> approved by doctor",
    "Status changed to cancelled at the patient's request.",
];

pub(super) const COMPLAINTS: &[&str] = &[
    "Crowding in the lower front",
    "Gap between the front teeth",
    "Crooked canine",
    "前歯のすき間",
    "ฟันหน้าซ้อน",
    "Relapse after retainers were lost",
];

pub(super) const OBJECTIVES: &[&str] = &[
    "Align the lower arch, keep the bite",
    "Close the diastema, light forces",
    "Level and align, expand 1 mm",
    "Correct the midline by 1.5 mm",
];

pub(super) const CONDITIONS: &[&str] =
    &["none", "bruxism", "implant at 36", "short roots on 12 and 22", "crown at 46"];
