//! Removing codecs: their formats in the m-line, and what is said of them.

use alloc::string::String;

use super::{EditError, SectionMut};
use crate::payload_types::{About, CodecLines};
use crate::session::Entry;

impl SectionMut<'_, '_> {
    /// Removes a codec by name, in any case (`VP8`): all its payload types, those that repair or repeat them (`rtx` by its
    /// `apt`, `red` by what it carries), and all their `rtpmap`, `fmtp`, `rtcp-fb` and `imageattr` lines. `a=rid` loses them
    /// from its `pt=`, and goes where it names no other (RFC 8851 §6.3), out of `a=simulcast` too; what a `depend=` names is left.
    /// Gives the number of payload types removed.
    ///
    /// # Errors
    /// [`EditError::LastFormat`] where nothing would be left, and [`EditError::NotMedia`].
    pub fn remove_codec(&mut self, name: &str) -> Result<usize, EditError> {
        let codec = CodecLines::read(name, self.entries().iter().map(Entry::line));
        let is_removed = |format: &str| codec.types.contains(format);
        let removed = self.remove_formats(is_removed, |at, _| codec.is_about(at))?;
        if removed > 0 && codec.has_rids {
            self.restrict_rids(is_removed);
        }
        Ok(removed)
    }

    /// Removes one format: a payload type with the lines that are about it, and nothing else.
    ///
    /// # Errors
    /// As [`remove_codec`](Self::remove_codec).
    pub fn remove_format(&mut self, format: &str) -> Result<usize, EditError> {
        let is_about = |_, entry: &Entry<'_>| {
            let about = About::read(entry.line().raw());
            about.is_some_and(|about| about.format() == format)
        };
        let removed = self.remove_formats(|it| it == format, is_about)?;
        if removed > 0 {
            self.restrict_rids(|it| it == format);
        }
        Ok(removed)
    }

    fn remove_formats(
        &mut self,
        is_removed: impl Fn(&str) -> bool,
        is_about: impl Fn(usize, &Entry<'_>) -> bool,
    ) -> Result<usize, EditError> {
        let fields = self.media_line()?;
        // All that stays is in the line that is there, up to the formats.
        let len = self.media_raw().len() - fields.formats.len();
        let mut text = String::with_capacity(self.media_raw().len() + 2);
        text.push_str(self.media_raw().get(..len).unwrap_or_default());
        let (mut removed, mut kept) = (0, 0);
        for format in fields.formats() {
            if is_removed(format) {
                removed += 1;
                continue;
            }
            kept += 1;
            text.push(' ');
            text.push_str(format);
        }
        if removed == 0 {
            return Ok(0);
        }
        if kept == 0 {
            return Err(EditError::LastFormat);
        }
        self.replace(self.start, text);
        self.remove_at(is_about);
        Ok(removed)
    }
}
