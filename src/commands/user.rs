//! `weir user …`

use super::{block_on, load, open};
use crate::cli::User;

/// Runs one of the commands about people.
pub fn run(command: &User) -> Result<(), String> {
    match command {
        User::ResetPassword { email, common } => {
            let settings = load(common)?;
            block_on(async {
                let installation = open::open(&settings).await?;
                let password = installation.control.reset_password(email).await.map_err(|error| error.to_string())?;
                println!("New password of {email}, shown once:\n{}", password.expose());
                println!("The person is signed out everywhere.");
                Ok(())
            })
        }
    }
}
