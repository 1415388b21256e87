//! What a request needs, as types: a handler's signature says who may call it.

use shared::user::Permission;

/// Names the permission that a request needs.
pub trait Needs: 'static {
    const PERMISSION: Permission;
}

macro_rules! needs {
    ($( $(#[$doc:meta])* $name:ident )+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl Needs for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )+
    };
}

needs! {
    /// Looking at anything but secrets.
    Read
    ReadAudit
    ManageConnections
    EditPlans
    AssessPlans
    ControlRuns
    RollBackRuns
    RepairTargets
    SignOff
    WorkQuarantine
    /// Looking at people side by side, and saying who is the same.
    ReviewDuplicates
    HandleAlerts
    Approve
    ReadUnmasked
    ManageUsers
    ManageSettings
}
