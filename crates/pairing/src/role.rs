/// Who nominates the pair that is used: RFC 8445 §6.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// This side nominates.
    Controlling,
    /// The other side nominates.
    Controlled,
}

impl Role {
    /// The other one.
    pub const fn other(self) -> Role {
        match self {
            Role::Controlling => Role::Controlled,
            Role::Controlled => Role::Controlling,
        }
    }
}
