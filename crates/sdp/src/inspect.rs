//! stub
/// stub
pub struct Inspection; /// stub
pub struct Said;
