//! The steps that make a service's folders.

use super::{Builder, prepare};
use crate::proto::plan::{Plan, Step};
use crate::unit::{DirectoryKind, Unit};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

impl Builder<'_, '_> {
    /// All folders, before the streams: these may be files in them.
    pub(super) fn folders(&mut self) -> Result<(), String> {
        let unit = self.inputs.unit;
        let (uid, gid) = (self.inputs.identity.uid, self.inputs.identity.gid);
        for (kind, folder) in unit.directories() {
            let key = kind.key();
            // Configuration is root's, and stays as it is.
            let own = kind != DirectoryKind::Configuration;
            let id = |id: Option<u32>| id.filter(|_| own).unwrap_or(u32::MAX);
            let base = self.path(key, &folder.base)?;
            let name = self.path(key, folder.name.as_ref())?;
            let mode = unit.service.directories.of(kind).mode;
            let step = Step::Folder { base: &base, name: &name, mode, uid: id(uid), gid: id(gid), always: own };
            self.push(key, format!("make the folder {}", folder.path().display()), step);
            let Some(link) = &folder.link else { continue };
            let link_name = self.path(key, link.as_ref())?;
            let up = "../".repeat(link.matches('/').count());
            let target = self.path(key, format!("{up}{}", folder.name).as_ref())?;
            let doing = format!("make the link {}", folder.base.join(link).display());
            self.push(key, doing, Step::Link { base: &base, name: &link_name, target: &target });
        }
        Ok(())
    }
}

/// A plan whose process clears away what a run leaves behind, and ends: with `terminal` the terminal's contents and modes,
/// with `folders` the run-time folders and the links to them. `None`: there is nothing to do.
pub fn clearing(unit: &Unit, terminal: bool, folders: bool) -> Option<Vec<u8>> {
    let mut plan = Plan::default();
    plan.push(Step::Session);
    let mut steps = plan.push(Step::Signals { ignore: 0 });
    if terminal && unit.service.terminal.is_prepared() {
        let path = CString::new(unit.service.terminal.path.as_os_str().as_bytes()).ok()?;
        steps = plan.push(prepare(&unit.service.terminal, &path));
    }
    for folder in unit.service.directories.runtime.folders.iter().filter(|_| folders) {
        let base = CString::new(folder.base.as_os_str().as_bytes()).ok()?;
        for name in std::iter::once(&folder.name).chain(&folder.link) {
            let name = CString::new(name.as_str()).ok()?;
            steps = plan.push(Step::Remove { base: &base, name: &name });
        }
    }
    plan.push(Step::End);
    plan.finish().filter(|_| steps > 1)
}
